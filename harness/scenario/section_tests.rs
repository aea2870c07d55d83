//! What the sections of a file mean: target and network, users from a file, sessions, thresholds, functions of templates.

use std::collections::BTreeMap;
use std::io;

use super::*;

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const TARGET: &str = "[target]\nurl = \"http://127.0.0.1:8080\"\n";
const USERS: &str =
    "[users]\ncount = 3\nname = \"user{{ index }}\"\npassword = \"pw{{ index }}\"\n";
const VOLLEY: &str = "[[volley]]\nname = \"last\"\npath = \"/\"\n";

struct Here;

impl Surroundings for Here {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "HOST" => "staging.example",
            "PASSWORD" => "geheim",
            "PEM" => KEY,
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        let content = match path {
            "ca.pem" | "me.pem" => CERTIFICATE,
            "me.key" => KEY,
            "users.csv" => "name,password\nanna,\"a,1\"\nbert,{{ index }}\ncarl,${env:X}\n",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        Ok(content.as_bytes().to_vec())
    }
}

fn parse(text: &str) -> Scenario {
    let scenario = Scenario::parse_with("mine.toml", &format!("version = 1\n{text}"), &Here)
        .unwrap_or_else(|error| panic!("{error}"));
    let written = scenario.to_toml();
    let again = Scenario::parse_with("mine.toml", &written, &Here)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, scenario, "{written}");
    assert_eq!(again.supplied_secrets(), scenario.supplied_secrets());
    assert_eq!(again.to_toml(), written);
    scenario
}

/// The request of a step for the second user, with these captures and this seed.
fn render(step: &Step, scenario: &Scenario, captures: &[(&str, &str)], chance: u64) -> Rendered {
    let captures = captures
        .iter()
        .map(|pair| (pair.0.to_owned(), pair.1.to_owned()))
        .collect();
    let secrets: BTreeMap<u16, String> = (0..scenario.slots.len() as u16)
        .map(|slot| (slot, format!("canary{slot}")))
        .collect();
    let values = Values {
        user: &scenario.users.list()[1],
        index: 2,
        count: scenario.users.count(),
        round: 4,
        captures: &captures,
        secrets: &secrets,
        nonce: Some("the-nonce"),
        chance,
        now_ms: 1_216_739_400_123,
    };
    step.render(&values).unwrap()
}

#[test]
fn a_target_says_how_it_is_reached_and_shows_no_secret_of_it() {
    let scenario = parse(&format!(
        "[target]\nurl = \"https://${{env:HOST}}:8443/app/\"\nhosts = {{ auth = \"https://login.${{env:HOST}}\" }}\nca = \"ca.pem\"\n\
         client-certificate = \"me.pem\"\nclient-key = \"${{env:PEM}}\"\ninsecure = true\n\
         proxy = \"socks5://me:${{env:PASSWORD}}@127.0.0.1:1080\"\nresolve = {{ \"a.example:443\" = \"127.0.0.1:8443\", \"b:80\" = \"::1\" }}\n\
         {USERS}{VOLLEY}"
    ));
    assert_eq!(
        scenario.target,
        TargetSpec::Url("https://staging.example:8443/app".to_owned())
    );
    assert_eq!(scenario.hosts["auth"], "https://login.staging.example");
    let network = &scenario.network;
    assert_eq!(network.ca.as_deref(), Some(CERTIFICATE));
    assert_eq!(network.client_key.as_deref(), Some(KEY));
    assert_eq!(
        network.proxy.as_deref(),
        Some("socks5://me:geheim@127.0.0.1:1080")
    );
    assert_eq!(network.resolve["b:80"], "::1");
    assert!(network.insecure);
    let secrets = scenario.supplied_secrets();
    assert!(secrets.contains(&"geheim".to_owned()) && secrets.contains(&KEY.to_owned()));
    assert!(
        !secrets.contains(&"staging.example".to_owned()),
        "where the service is stands in every report"
    );
    let shown = format!("{scenario:?}{}", scenario.to_toml());
    assert!(
        !shown.contains("geheim") && !shown.contains("PRIVATE"),
        "{shown}"
    );
    assert!(scenario.to_toml().contains("ca = \"ca.pem\""));
}

#[test]
fn what_a_command_changes_in_the_target_is_what_is_written() {
    let mut scenario = parse(&format!(
        "[target]\nurl = \"https://${{env:HOST}}\"\nca = \"ca.pem\"\n{USERS}{VOLLEY}"
    ));
    scenario.target = TargetSpec::Url("http://127.0.0.1:1".to_owned());
    scenario.network.ca = Some(CERTIFICATE.replace("AAAA", "BBBB"));
    let again = Scenario::parse_with("mine", &scenario.to_toml(), &Here).unwrap();
    assert_eq!(again, scenario);
}

#[test]
fn users_come_from_a_file_as_they_stand_there() {
    let mut scenario = parse(&format!(
        "{TARGET}[users]\ncsv = \"users.csv\"\n{VOLLEY}headers = {{ x = \"{{{{ user.password }}}}\" }}\n"
    ));
    assert_eq!(scenario.users.count(), 3);
    let passwords: Vec<&str> = scenario
        .users
        .list()
        .iter()
        .map(|user| user.attributes["password"].as_str())
        .collect();
    assert_eq!(passwords, ["a,1", "{{ index }}", "${env:X}"]);
    assert_eq!(scenario.supplied_secrets().len(), 3);
    assert_eq!(
        scenario.set_user_count(4).unwrap_err().to_string(),
        "4 users are more than the 3 in `users.csv`"
    );
    scenario.set_user_count(2).unwrap();
    let again = Scenario::parse_with("mine", &scenario.to_toml(), &Here).unwrap();
    assert_eq!(again, scenario);
    assert_eq!(again.users.count(), 2);
    let without_files = Scenario::parse_in("x", &scenario.to_toml(), &|_| None).unwrap_err();
    assert!(without_files.message().contains("without access to files"));
}

#[test]
fn a_session_carries_its_headers_unless_something_is_missing_or_the_step_says_otherwise() {
    let scenario = parse(&format!(
        "{TARGET}{USERS}[session]\nbearer = \"{{{{ token }}}}\"\nheaders = {{ X-Tenant = \"{{{{ user.name }}}}\", x-id = \"{{{{ uuid() }}}}\" }}\n\
         redirects = false\nmax-redirects = 3\nrefresh-status = [401, \"5xx\"]\nrefresh-after-s = 60\n\
         [[setup]]\nname = \"log in\"\nlogin = true\npath = \"/\"\ncapture = {{ token = {{ json = \"/token\" }} }}\n\
         [[setup]]\nname = \"own\"\npath = \"/\"\nheaders = {{ x-tenant = \"mine\" }}\n{VOLLEY}\
         [[refresh]]\nname = \"again\"\npath = \"/\"\n"
    ));
    let names = |rendered: &Rendered| {
        let names = rendered.headers.iter().map(|header| header.0.clone());
        names.collect::<Vec<String>>()
    };
    let before = render(&scenario.setup[0], &scenario, &[], 1);
    assert_eq!(names(&before), ["x-tenant", "x-id"]);
    let after = render(&scenario.volley[0], &scenario, &[("token", "t")], 1);
    assert_eq!(names(&after), ["authorization", "x-tenant", "x-id"]);
    assert_eq!(after.headers[0].1, "Bearer t");
    assert_eq!(after.headers[1].1, "user2");
    let own = render(&scenario.setup[1], &scenario, &[], 1);
    assert_eq!(own.headers[0], ("x-tenant".to_owned(), "mine".to_owned()));
    assert_eq!(names(&own), ["x-tenant", "x-id"]);
    let mut anonymous = scenario.volley[0].clone();
    anonymous.anonymous = true;
    assert_eq!(
        render(&anonymous, &scenario, &[("token", "t")], 1).headers,
        []
    );
    let session = &scenario.session;
    assert_eq!(
        (
            session.redirects,
            session.max_redirects,
            session.refresh_after_s
        ),
        (false, 3, Some(60))
    );
    let refreshed: Vec<u16> = (400..600)
        .filter(|code| session.refresh_status.accepts(*code))
        .collect();
    assert_eq!(refreshed[..2], [401, 500]);
    assert_eq!(scenario.refresh[0].index, 3);
}

#[test]
fn a_basic_credential_is_secret_in_its_encoding_too() {
    let scenario = parse(&format!(
        "{TARGET}{USERS}[session]\nbasic = {{ user = \"{{{{ user.name }}}}\", password = \"{{{{ user.password }}}}\" }}\n{VOLLEY}"
    ));
    // printf user2:pw2 | base64
    let encoded = "dXNlcjI6cHcy";
    let rendered = render(&scenario.volley[0], &scenario, &[], 1);
    assert_eq!(rendered.headers[0].1, format!("Basic {encoded}"));
    assert!(scenario.supplied_secrets().contains(&encoded.to_owned()));
    assert!(scenario.supplied_secrets().contains(&"pw3".to_owned()));
}

#[test]
fn thresholds_and_tags_are_read_in_order() {
    let scenario = parse(&format!(
        "tags = [\"smoke\", \"http-2\"]\n{TARGET}{USERS}[thresholds]\npairs = \">= 1000\"\nupper-bound = [\"<= 0.001\", \"> 0\"]\n{VOLLEY}"
    ));
    assert_eq!(scenario.tags, ["smoke", "http-2"]);
    let told: Vec<String> = scenario
        .thresholds
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        ["pairs >= 1000", "upper-bound <= 0.001", "upper-bound > 0"]
    );
}

#[test]
fn slots_are_secret_or_public_and_a_nonce_is_of_its_request() {
    let scenario = parse(&format!(
        "{TARGET}{USERS}[[setup]]\nname = \"plant\"\nmethod = \"POST\"\npath = \"/{{{{ public('shown') }}}}\"\n\
         text = \"{{{{ secret_file('file', bytes=64) }}}}|{{{{ secret_file('file') | length }}}}|{{{{ nonce() }}}}\"\n\
         {VOLLEY}sees = [\"shown\", \"file\"]\n[[read-back]]\nname = \"read\"\npath = \"/?p={{{{ public('shown') }}}}\"\nquery = {{ q = \"{{{{ nonce() }}}}\" }}\n"
    ));
    let slots: Vec<(&str, bool, bool)> = scenario
        .slots
        .iter()
        .map(|slot| (slot.name.as_str(), slot.public, slot.nonce))
        .collect();
    assert_eq!(
        slots,
        [
            ("shown", true, false),
            ("file", false, false),
            ("nonce", false, true)
        ]
    );
    assert_eq!(scenario.nonce_slot(), Some(2));
    assert_eq!(scenario.setup[0].plants(), [0, 1], "a nonce is not planted");
    let sends: Vec<bool> = scenario.steps().map(Step::sends_nonce).collect();
    assert_eq!(sends, [true, false, true]);
    let rendered = render(&scenario.setup[0], &scenario, &[], 1);
    let body = String::from_utf8(rendered.body).unwrap();
    let parts: Vec<&str> = body.split('|').collect();
    assert_eq!(
        (parts[0].len(), parts[1], parts[2]),
        (64, "4096", "the-nonce")
    );
    assert!(parts[0].starts_with("canary1\ncanary1\n"));
    let read = render(&scenario.read_back[0], &scenario, &[], 1);
    assert_eq!(read.path, "/?p=canary0&q=the-nonce");
}

#[test]
fn chance_and_time_follow_from_the_values_alone() {
    let scenario = parse(&format!(
        "{TARGET}{USERS}{VOLLEY}headers = {{ a = \"{{{{ random(9) }}}}\", b = \"{{{{ random(9) }}}}\", c = \"{{{{ uuid() }}}}\", \
         d = \"{{{{ random_int(1, 6) }}}}\", e = \"{{{{ now() }}}} {{{{ now_ms() }}}} {{{{ timestamp() }}}}\", f = \"{{{{ padding(3) }}}}\" }}\n"
    ));
    let step = &scenario.volley[0];
    let first = render(step, &scenario, &[], 1);
    assert_eq!(render(step, &scenario, &[], 1).headers, first.headers);
    let second = render(step, &scenario, &[], 2);
    assert_ne!(second.headers[0], first.headers[0]);
    assert_ne!(
        first.headers[0].1, first.headers[1].1,
        "every text draws its own"
    );
    assert_eq!(
        first.headers[4].1,
        "1216739400 1216739400123 2008-07-22T15:10:00Z"
    );
    assert_eq!(first.headers[5].1, "xxx");
}

#[test]
fn a_capture_may_have_the_name_of_a_function() {
    let setup = "[[setup]]\nname = \"a\"\npath = \"/\"\ncapture = { nonce = { json = \"/n\" } }\n";
    let scenario = parse(&format!(
        "{TARGET}{USERS}{setup}{VOLLEY}headers = {{ x = \"{{{{ nonce }}}}\" }}\n"
    ));
    let rendered = render(&scenario.volley[0], &scenario, &[("nonce", "n")], 1);
    assert_eq!(rendered.headers[0].1, "n");
    assert_eq!(scenario.nonce_slot(), None);
    let called = format!(
        "version = 1\n{TARGET}{USERS}{setup}{VOLLEY}headers = {{ x = \"{{{{ nonce() }}}}\" }}\n"
    );
    let error = Scenario::parse("x", &called).unwrap_err();
    assert!(
        error.message().contains("is a capture of this scenario"),
        "{error}"
    );
}

#[test]
fn steps_that_are_left_keep_their_companions() {
    let mut scenario = parse(&format!(
        "{TARGET}{USERS}[[setup]]\nname = \"a\"\npath = \"/\"\n{VOLLEY}[[volley]]\nname = \"beside\"\npath = \"/\"\n"
    ));
    scenario.volley[0].with = Some(2);
    scenario.volley[1].companion = true;
    scenario.retain_steps(|step| step.name != "a");
    assert_eq!(
        (scenario.volley[0].index, scenario.volley[0].with),
        (0, Some(1))
    );
    assert!(scenario.volley[1].companion);
    scenario.retain_steps(|step| step.name != "last");
    assert!(
        !scenario.volley[0].companion,
        "nobody sends it beside a step any more"
    );
}

#[test]
fn whoever_aborts_and_asks_does_so_in_groups_of_four() {
    let text = |users: u32, fire: &str| {
        format!(
            "version = 1\n{TARGET}[users]\ncount = {users}\nname = \"u{{{{ index }}}}\"\n[fire]\npattern = \"abort-then-ask\"\n{fire}\n{VOLLEY}"
        )
    };
    for (users, fire) in [(4, ""), (8, "group = 4"), (6, "group = 6"), (21, "")] {
        let read = Scenario::parse("mine.toml", &text(users, fire));
        assert!(read.is_ok(), "{users} {fire}: {:?}", read.err());
    }
    let arrivals = "group = 2\nstrategy = \"arrivals\"";
    assert!(Scenario::parse("mine.toml", &text(4, arrivals)).is_ok());
    for (users, fire, hint) in [
        (3, "", "let at least 4 users take part"),
        (2, "group = 2", "let at least 4 users take part"),
        (8, "group = 3", "raise `group`"),
        // Two groups, of two and three.
        (5, "group = 4", "raise `group`"),
    ] {
        let error = Scenario::parse("mine.toml", &text(users, fire)).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("needs groups of 4 users"), "{error}");
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn what_is_explored_is_read_and_written_and_without_the_section_it_is_everything() {
    let file = |explore: &str| format!("{TARGET}{USERS}{explore}{VOLLEY}");
    assert_eq!(parse(&file("")).explore, ExploreSettings::default());
    assert!(!parse(&file("")).to_toml().contains("[explore]"));
    let given = "[explore]\nraces = [[\"last\", \"last\"], [\"last\", \"last\", \"last\"]]\nsearch = \"pct\"\npreemptions = 0\n\
        executions = 5\nsamples = 0\nmoves = 7\nduration-s = 3\ncancel = true\ntime = true\nhold = [\"front\", \"messages\"]\n\
        blocked-ms = 9\n";
    let last = |times| vec!["last".to_owned(); times];
    let read = parse(&file(given));
    let wanted = ExploreSettings {
        races: vec![last(2), last(3)],
        search: SearchName::Pct,
        preemptions: Some(0),
        executions: 5,
        samples: 0,
        moves: 7,
        duration_s: 3,
        cancel: true,
        time: true,
        hold: vec![HoldName::Messages, HoldName::Front],
        blocked_ms: 9,
    };
    assert_eq!(read.explore, wanted);
    assert_ne!(
        read,
        parse(&file("")),
        "what is explored belongs to what a scenario is"
    );
}

#[test]
fn a_client_that_goes_away_wants_the_answers_held() {
    let explore = |keys: &str| parse(&format!("{TARGET}{USERS}[explore]\n{keys}{VOLLEY}")).explore;
    assert_eq!(
        explore("cancel = true\n").hold,
        [HoldName::Messages, HoldName::Answers]
    );
    let asked = explore("cancel = true\nhold = [\"messages\"]\n");
    assert_eq!(asked.hold, [HoldName::Messages]);
}

#[test]
fn a_race_goes_with_its_steps() {
    let steps = "[explore]\nraces = [[\"a\", \"last\"], [\"last\", \"last\"]]\n[[volley]]\nname = \"a\"\npath = \"/a\"\n";
    let mut scenario = parse(&format!("{TARGET}{USERS}{steps}{VOLLEY}"));
    scenario.retain_steps(|step| step.name != "a");
    assert_eq!(scenario.explore.races, [["last", "last"]]);
}
