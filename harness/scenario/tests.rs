//! What a file means: requests as they are sent, slots, roles, defaults, and what must never be shown.

use std::collections::BTreeMap;

use super::*;
use crate::history::StepRole;
use crate::identity::UserId;

const START: &str = "version = 1\n[target]\nurl = \"http://127.0.0.1:8080\"\n[users]\ncount = 3\nname = \"user{{ index }}\"\n\
    password = \"pw-{{ index }}-of-{{ count }}${env:SALT}\"\n";
const END: &str = "[[volley]]\nname = \"last\"\npath = \"/\"\n";

fn environment(name: &str) -> Option<String> {
    match name {
        "SALT" => Some("-{{salt}}".to_owned()),
        "TOKEN" => Some("tok'en".to_owned()),
        _ => None,
    }
}

fn parse(middle: &str) -> Scenario {
    Scenario::parse_in(
        "folder/mine.toml",
        &format!("{START}{middle}{END}"),
        &environment,
    )
    .unwrap()
}

/// The first step's request for the second user, in round 4, with these captures and a canary per slot.
fn render(scenario: &Scenario, captures: &[(&str, &str)]) -> Result<Rendered, RenderError> {
    let captures = captures
        .iter()
        .map(|pair| (pair.0.to_owned(), pair.1.to_owned()))
        .collect();
    let secrets: BTreeMap<u16, String> = (0..scenario.slots.len() as u16)
        .map(|slot| (slot, format!("canary{slot}")))
        .collect();
    let user = &scenario.users.list()[1];
    let values = Values {
        user,
        index: 2,
        count: scenario.users.count(),
        round: 4,
        captures: &captures,
        secrets: &secrets,
        nonce: None,
        chance: 0,
        now_ms: 0,
    };
    scenario.steps().next().unwrap().render(&values)
}

fn body(step: &str) -> (String, String) {
    let scenario = parse(&format!(
        "[[setup]]\nname = \"a\"\nmethod = \"POST\"\npath = \"/\"\n{step}\n"
    ));
    let rendered = render(&scenario, &[]).unwrap();
    let content_type = rendered
        .headers
        .iter()
        .find(|header| header.0 == "content-type")
        .unwrap();
    (
        content_type.1.clone(),
        String::from_utf8(rendered.body).unwrap(),
    )
}

#[test]
fn a_json_body_keeps_its_order_and_its_types() {
    let json = r#"json = { z = "{{ user.name }}\"", n = 7, a = [true, 1.5, {}, []], i = "{{ index | int }}", s = "{{ index }}", "k\"" = "x" }"#;
    let expected = r#"{"z":"user2\"","n":7,"a":[true,1.5,{},[]],"i":2,"s":"2","k\"":"x"}"#;
    assert_eq!(
        body(json),
        ("application/json".to_owned(), expected.to_owned())
    );
}

#[test]
fn a_form_is_percent_encoded_and_a_text_is_sent_as_it_is() {
    let form = "form = { user = \"{{ user.name }}\", \"a b\" = \"ä&=+/ {{ round }}\" }";
    assert_eq!(
        body(form),
        (
            "application/x-www-form-urlencoded".to_owned(),
            "user=user2&a%20b=%C3%A4%26%3D%2B%2F%204".to_owned()
        )
    );
    let text = "text = \"<{{ index }}>\\n\"\nheaders = { Content-Type = \"text/x\" }";
    assert_eq!(
        body(text),
        ("text/x".to_owned(), "<2>\n".to_owned()),
        "a type of one's own, and the last line break stays"
    );
    assert_eq!(body("text = '{ {{ \"{{\" }} }'").1, "{ {{ }");
}

#[test]
fn a_secret_is_the_same_wherever_a_request_names_it() {
    let step = "[[setup]]\nname = \"a\"\nmethod = \"POST\"\npath = \"/{{ secret('b') }}\"\nheaders = { x = \"{{ secret('a') }}\" }\n\
        json = [\"{{ secret('a') | base64 }}\", \"{% if round > 9 %}{{ secret('c') }}{% endif %}\"]\nreaders = [\"user{{ index % count + 1 }}\"]\n";
    let scenario = parse(step);
    let names: Vec<&str> = scenario
        .slots
        .iter()
        .map(|slot| slot.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["b", "a", "c"],
        "slots in the order of the file, that of the branch not taken included"
    );
    assert_eq!(scenario.setup[0].plants(), [0, 1, 2]);
    let rendered = render(&scenario, &[]).unwrap();
    assert_eq!(
        (rendered.path.as_str(), rendered.headers[0].1.as_str()),
        ("/canary0", "canary1")
    );
    assert_eq!(rendered.body, br#"["Y2FuYXJ5MQ==",""]"#);
    assert_eq!(rendered.readers, ["user3"]);
}

#[test]
fn only_set_up_and_rounds_plant() {
    let scenario = parse(
        "[secrets.note]\nattachment = true\nmost-subjects = 7\n[[each-round]]\nname = \"a\"\nlogin = true\npath = \"/{{ secret('note') }}\"\n\
         sees = [\"note\"]\n[[read-back]]\nname = \"c\"\npath = \"/{{ secret('note') }}\"\nremoves = [\"note\"]\n",
    );
    let told: Vec<_> = scenario
        .steps()
        .map(|step| {
            (
                step.index,
                step.name.as_str(),
                step.role,
                step.plants().len(),
            )
        })
        .collect();
    let expected = [
        (0, "a", StepRole::LogIn, 1),
        (1, "last", StepRole::Fire, 0),
        (2, "c", StepRole::ReadBack, 0),
    ];
    assert_eq!(told, expected);
    assert!(scenario.slots[0].attachment);
    assert_eq!(scenario.slots[0].most_subjects, Some(7));
    let infos = scenario.step_infos();
    assert_eq!(
        (infos[0].sees.as_slice(), infos[2].removes.as_slice()),
        (&[0][..], &[0][..])
    );
    assert_eq!(scenario.each_round[0].line, 11);
}

#[test]
fn what_is_not_there_is_an_error_that_shows_no_value() {
    let step = "[[each-round]]\nname = \"b\"\npath = \"/{{ id | int }}\"\n";
    let scenario = parse(&format!(
        "[[setup]]\nname = \"a\"\npath = \"/\"\ncapture = {{ id = {{ json = \"\" }} }}\n{step}"
    ));
    let (user, nothing) = (&scenario.users.list()[0], BTreeMap::<u16, String>::new());
    let captures = [("id".to_owned(), "private".to_owned())].into();
    let values = Values {
        user,
        index: 1,
        count: 3,
        round: 1,
        captures: &captures,
        secrets: &nothing,
        nonce: None,
        chance: 0,
        now_ms: 0,
    };
    let error = scenario.each_round[0].render(&values).unwrap_err();
    assert_eq!(
        (error.step(), error.field(), error.to_string().as_str()),
        ("b", "path", "step `b`, path: invalid operation")
    );
    let no_captures = BTreeMap::new();
    let error = scenario.each_round[0]
        .render(&Values {
            captures: &no_captures,
            ..values
        })
        .unwrap_err();
    assert_eq!(error.to_string(), "step `b`, path: `id` was not captured");
}

#[test]
fn captures_of_raced_steps_are_known_afterwards_unless_users_draw_their_step() {
    let text = |pattern: &str| {
        let volley =
            "[[volley]]\nname = \"a\"\npath = \"/\"\ncapture = { id = { header = \"x\" } }\n";
        format!(
            "{START}[fire]\npattern = \"{pattern}\"\n{volley}[[read-back]]\nname = \"b\"\npath = \"/{{{{ id }}}}\"\n"
        )
    };
    assert!(Scenario::parse_in("x", &text("same"), &environment).is_ok());
    let error = Scenario::parse_in("x", &text("mixed"), &environment).unwrap_err();
    assert_eq!(error.message(), "nothing is called `id` here");
    let siblings = text("same").replace("[[read-back]]", "[[volley]]");
    assert!(
        Scenario::parse_in("x", &siblings, &environment).is_err(),
        "raced steps do not wait for each other"
    );
}

#[test]
fn users_are_made_by_their_pattern_and_found_by_name() {
    let mut scenario = parse("");
    assert_eq!(
        scenario.users.list()[2].attributes["password"],
        "pw-3-of-3-{{salt}}"
    );
    assert_eq!(scenario.users.find("user3"), Some(UserId(2)));
    scenario.set_user_count(40).unwrap();
    assert_eq!(
        (scenario.users.count(), scenario.users.find("user40")),
        (40, Some(UserId(39)))
    );
    assert_eq!(
        scenario.users.list()[2].attributes["password"],
        "pw-3-of-40-{{salt}}"
    );
    assert!(
        scenario.set_user_count(0).is_err() && scenario.set_user_count(UserId::LIMIT + 1).is_err()
    );
    assert_eq!(
        scenario.users.count(),
        40,
        "a refused count changes nothing"
    );
}

#[test]
fn a_list_of_users_can_be_shortened_but_not_lengthened() {
    let text = "version = 1\n[target]\nurl = \"http://h\"\n[[users.list]]\nname = \"a\"\n[[users.list]]\nname = \"b\"\nextra = \"{{ index }}\"\n";
    let mut scenario = Scenario::parse("x", &format!("{text}{END}")).unwrap();
    assert_eq!(scenario.users.list()[1].attributes["extra"], "2");
    assert!(scenario.set_user_count(3).is_err());
    scenario.set_user_count(1).unwrap();
    assert_eq!(Scenario::parse("x", &scenario.to_toml()).unwrap(), scenario);
    let error = Scenario::parse(
        "x",
        &format!("{text}{END}headers = {{ x = \"{{{{ user.extra }}}}\" }}\n"),
    )
    .unwrap_err();
    assert_eq!(
        error.message(),
        "not every user has an attribute `extra`",
        "the first one has not"
    );
}

#[test]
fn what_was_supplied_is_listed_for_masking_and_never_shown() {
    let scenario = parse(
        "[[setup]]\nname = \"a\"\npath = \"/\"\nheaders = { x = \"{{ index }}${env:TOKEN}\" }\n",
    );
    assert_eq!(
        scenario.supplied_secrets(),
        [
            "-{{salt}}",
            "pw-1-of-3-{{salt}}",
            "pw-2-of-3-{{salt}}",
            "pw-3-of-3-{{salt}}",
            "tok'en"
        ]
    );
    assert_eq!(
        render(&scenario, &[]).unwrap().headers,
        [("x".to_owned(), "2tok'en".to_owned())]
    );
    let shown = format!(
        "{scenario:?} {:?} {}",
        render(&scenario, &[]),
        scenario.to_toml()
    );
    assert!(
        !shown.contains("pw-1") && !shown.contains("tok'en") && !shown.contains("salt}}"),
        "{shown}"
    );
    assert!(scenario.to_toml().contains("${env:TOKEN}"));
}

#[test]
fn a_supplied_value_is_masked_without_the_text_around_it() {
    let users = "version = 1\n[target]\nurl = \"http://h\"\n[[users.list]]\nname = \"ann-${env:STAGE}\"\n\
        auth = \"Bearer ${env:API_TOKEN}\"\n[[users.list]]\nname = \"bob-${env:STAGE}\"\n\
        token = \"{{ index }}-${env:TOKEN}\"\nsame = \"${env:BOTH}\"\n[[users.list]]\nname = \"${env:BOTH}\"\n";
    let environment = |name: &str| Some(format!("value of {name}"));
    let scenario = Scenario::parse_in("x", &format!("{users}{END}"), &environment).unwrap();
    assert_eq!(
        scenario.supplied_secrets(),
        [
            "2-value of TOKEN",
            "Bearer value of API_TOKEN",
            "value of API_TOKEN",
            "value of BOTH",
            "value of TOKEN",
        ],
        "what stands in names alone is shown, so it is no secret"
    );
}

#[test]
fn a_log_in_says_which_cookie_is_the_session() {
    let scenario = parse(
        "[[setup]]\nname = \"a\"\nlogin = true\npath = \"/\"\nsession = \"__Host-S!d\"\n\
         [[each-round]]\nname = \"b\"\nlogin = true\npath = \"/\"\n",
    );
    let sessions: Vec<_> = scenario.steps().map(|step| step.info().session).collect();
    assert_eq!(sessions, [Some("__Host-S!d".to_owned()), None, None]);
    let written = scenario.to_toml();
    let again = Scenario::parse_in("mine", &written, &environment).unwrap();
    assert_eq!(again, scenario);
    let without = written.replace("session = \"__Host-S!d\"\n", "");
    assert_ne!(written, without);
    let without = Scenario::parse_in("mine", &without, &environment).unwrap();
    assert_ne!(without, scenario, "it is part of what a file says");
}

#[test]
fn every_shipped_log_in_by_cookie_names_its_session() {
    for shipped in shipped() {
        let scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
        // An app has a token of its own, which every request carries.
        if shipped.text.contains("\nbearer = ") {
            continue;
        }
        let log_ins = scenario.step_infos();
        let mut log_ins = log_ins.iter().filter(|step| step.role == StepRole::LogIn);
        assert!(
            log_ins.all(|step| step.session.is_some()),
            "{}",
            shipped.name
        );
    }
}

#[test]
fn the_largest_answer_fits_into_a_line_of_a_history() {
    // A control character is six bytes in JSON, which is the worst there is.
    let room = crate::history::LINE_LIMIT as u64 - 6 * Limits::ANSWER_BYTES.max;
    assert!(room >= 16 << 20, "{room} bytes are left for the head");
}

#[test]
fn what_the_file_leaves_out_has_its_default() {
    let scenario = parse("");
    assert_eq!(
        (
            scenario.name.as_str(),
            scenario.title.as_str(),
            scenario.story.as_str()
        ),
        ("mine", "mine", "")
    );
    assert_eq!(scenario.expect, Verdict::Isolated);
    assert_eq!(
        (&scenario.fire, scenario.limits),
        (&FireSettings::default(), Limits::default())
    );
    let last = &scenario.volley[0];
    assert_eq!(last.method(), "GET");
    let accepted: Vec<u16> = (100..600)
        .filter(|code| last.status.accepts(*code))
        .collect();
    assert_eq!(accepted, (200..400).collect::<Vec<u16>>());
}

#[test]
fn status_rules_accept_what_they_list() {
    let scenario = parse("[[setup]]\nname = \"a\"\npath = \"/\"\nstatus = [201, \"4xx\"]\n");
    let accepted: Vec<u16> = (100..600)
        .filter(|code| scenario.setup[0].status.accepts(*code))
        .collect();
    assert_eq!(
        accepted,
        [201].into_iter().chain(400..500).collect::<Vec<u16>>()
    );
    assert_eq!(scenario.setup[0].status.to_string(), "201 or 4xx");
}

#[test]
fn a_strategy_brings_what_it_cannot_do_without() {
    for (strategy, protocol, connections) in [
        (
            StrategyName::SinglePacket,
            Protocol::Http2,
            Connections::Shared,
        ),
        (
            StrategyName::LastByte,
            Protocol::Http1,
            Connections::PerUser,
        ),
        (StrategyName::Barrier, Protocol::Http1, Connections::PerUser),
    ] {
        let fire = parse(&format!("[fire]\nstrategy = \"{strategy}\"\n")).fire;
        assert_eq!(
            (fire.strategy, fire.protocol, fire.connections),
            (strategy, protocol, connections)
        );
        assert_eq!(fire.conflict(), None);
        let mut changed = FireSettings::default();
        changed.set_strategy(strategy);
        assert_eq!(changed, fire);
    }
    let shared = FireSettings {
        connections: Connections::Shared,
        ..FireSettings::default()
    };
    assert_eq!(
        shared.conflict().map(|conflict| conflict.0),
        Some("connections")
    );
}

#[test]
fn words_are_read_as_they_are_written() {
    for strategy in StrategyName::ALL {
        assert_eq!(strategy.to_string().parse(), Ok(*strategy));
        assert_eq!(
            serde_json::to_string(strategy).unwrap(),
            format!("\"{strategy}\"")
        );
    }
    assert_eq!(
        "h2".parse::<Protocol>().unwrap_err().to_string(),
        "unknown protocol `h2` (known: http/1.1, http/2)"
    );
}

#[test]
fn a_template_that_gives_too_much_is_stopped() {
    let text = "text = \"{% for a in range(100) %}{{ 'x' * 1000000 }}{% endfor %}\"";
    let step = format!("[[setup]]\nname = \"a\"\npath = \"/\"\nmethod = \"POST\"\n{text}\n");
    let error = Scenario::parse_in("x", &format!("{START}{step}{END}"), &environment).unwrap_err();
    assert!(
        error.message().contains(&TEMPLATE_OUTPUT_LIMIT.to_string()),
        "{error}"
    );
}

#[test]
fn steps_that_are_left_are_numbered_anew() {
    let shipped = find_shipped("mail-2008").unwrap();
    let mut scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
    let before = scenario.steps().count();
    scenario.retain_steps(|step| step.name != "see both mails" && step.name != "read");
    let numbers: Vec<u16> = scenario.steps().map(|step| step.index).collect();
    assert_eq!(numbers.len(), before - 2);
    assert!(numbers.iter().copied().eq(0..numbers.len() as u16));
}
