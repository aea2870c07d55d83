//! What the keys of steps mean: query, parts, faults, companions, expectations, dead sessions.

use std::collections::BTreeMap;
use std::io;

use super::*;
use crate::history::{Dead, StepRole};

const START: &str = "version = 1\n[target]\nurl = \"http://127.0.0.1:8080\"\n[users]\ncount = 2\nname = \"user{{ index }}\"\n";
const END: &str = "[[volley]]\nname = \"last\"\npath = \"/\"\n";

/// A variable, and a file.
struct Desk;

impl Surroundings for Desk {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "KEY").then(|| "a key&{{ x }}".to_owned())
    }

    fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        match path {
            "folder/a.png" => Ok(b"\x89PNG\r\n\0\xff".to_vec()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    }
}

fn parse(middle: &str) -> Scenario {
    let scenario = Scenario::parse_with("x", &format!("{START}{middle}{END}"), &Desk).unwrap();
    let again = Scenario::parse_with("x", &scenario.to_toml(), &Desk).unwrap();
    assert_eq!(again, scenario, "{}", scenario.to_toml());
    assert_eq!(again.step_infos().len(), scenario.step_infos().len());
    scenario
}

fn step(keys: &str) -> Step {
    let scenario = parse(&format!("[[setup]]\nname = \"a\"\npath = \"/p\"\n{keys}\n"));
    scenario.setup[0].clone()
}

fn render(step: &Step, chance: u64) -> Rendered {
    let scenario = parse("");
    let values = Values {
        user: &scenario.users.list()[1],
        index: 2,
        count: 2,
        round: 4,
        captures: &BTreeMap::new(),
        secrets: &(0..4).map(|slot| (slot, format!("canary{slot}"))).collect(),
        nonce: None,
        chance,
        now_ms: 0,
    };
    step.render(&values).unwrap()
}

#[test]
fn a_query_is_appended_and_encoded() {
    let query = "query = { q = \"{{ user.name }} ä&=\", \"a b\" = \"${env:KEY}\", n = \"{{ secret('s') }}\" }";
    let asked = step(query);
    assert_eq!(
        render(&asked, 0).path,
        "/p?q=user2%20%C3%A4%26%3D&a%20b=a%20key%26%7B%7B%20x%20%7D%7D&n=canary0"
    );
    assert_eq!(asked.plants(), [0], "what a query plants is planted");
    let scenario = parse("[[setup]]\nname = \"a\"\npath = \"/p?x=1\"\nquery = { y = \"2\" }\n");
    assert_eq!(render(&scenario.setup[0], 0).path, "/p?x=1&y=2");
    assert_eq!(render(&step("query = {}"), 0).path, "/p");
}

#[test]
fn a_multipart_body_is_as_the_standard_has_it() {
    let keys = "method = \"POST\"\nmultipart = [\n  { name = \"title\", text = \"{{ secret('t') }} ${env:KEY}\" },\n\
        { name = \"f\\\"\\r\\nx\", file = \"folder/a.png\", type = \"image/png\" },\n\
        { name = \"g\", text = \"<x>\", filename = \"{{ user.name }}\\\".txt\" },\n]";
    let sent = step(keys);
    let rendered = render(&sent, 7);
    let content_type = &rendered.headers[0];
    assert_eq!(content_type.0, "content-type");
    let boundary = content_type
        .1
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    let mut expected = Vec::new();
    let parts: [(&str, &[u8]); 3] = [
        ("name=\"title\"\r\n", b"canary0 a key&{{ x }}"),
        (
            "name=\"f%22%0D%0Ax\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n",
            b"\x89PNG\r\n\0\xff",
        ),
        (
            "name=\"g\"; filename=\"user2%22.txt\"\r\nContent-Type: text/plain\r\n",
            b"<x>",
        ),
    ];
    for (head, content) in parts {
        expected.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n").as_bytes(),
        );
        expected.extend_from_slice(content);
        expected.extend_from_slice(b"\r\n");
    }
    expected.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&rendered.body),
        String::from_utf8_lossy(&expected)
    );
    assert_eq!(rendered.body, expected);
    assert_eq!(sent.plants(), [0]);
    assert_eq!(
        render(&sent, 7),
        rendered,
        "the same chance, the same request"
    );
    assert_ne!(
        render(&sent, 8).headers,
        rendered.headers,
        "another boundary"
    );
}

#[test]
fn a_raw_body_is_sent_as_it_is_and_has_no_type_of_its_own() {
    let rendered = render(
        &step("raw = { base64 = \"AAEC/w==\" }\nheaders = { content-type = \"x/y\" }"),
        0,
    );
    assert_eq!(rendered.body, [0, 1, 2, 255]);
    assert_eq!(
        rendered.headers,
        [("content-type".to_owned(), "x/y".to_owned())]
    );
    let rendered = render(&step("raw = { file = \"folder/a.png\" }"), 0);
    assert_eq!((rendered.body.len(), rendered.headers.len()), (8, 0));
}

#[test]
fn what_the_environment_supplies_to_a_body_is_sent_and_never_shown() {
    for keys in [
        "form = { a = \"${env:KEY}\" }",
        "json = { a = \"${env:KEY}\" }",
        "text = \"${env:KEY}\"",
    ] {
        let sent = step(keys);
        let body = String::from_utf8(render(&sent, 0).body).unwrap();
        assert!(body.contains("key"), "{body}");
        assert!(
            !format!("{sent:?} {:?}", sent.body).contains("a key"),
            "{keys}"
        );
        let scenario = parse(&format!("[[setup]]\nname = \"a\"\npath = \"/\"\n{keys}\n"));
        assert_eq!(scenario.supplied_secrets(), ["a key&{{ x }}"]);
    }
}

#[test]
fn roles_follow_from_what_a_step_does_to_the_session() {
    let scenario = parse(
        "[[setup]]\nname = \"in\"\nlogin = true\nsession = \"sid\"\npath = \"/\"\n\
         [[setup]]\nname = \"plant\"\npath = \"/{{ secret('s') }}\"\n\
         [[volley]]\nname = \"again\"\nlogin = true\npath = \"/\"\n[[volley]]\nname = \"out\"\nlogout = true\npath = \"/\"\n\
         [[read-back]]\nname = \"dead\"\ndead = \"log-out\"\nsees = [\"s\"]\npath = \"/\"\n\
         [[read-back]]\nname = \"old\"\ndead = \"rotation\"\nsees = [\"s\"]\nstatus = 403\npath = \"/\"\n\
         [[read-back]]\nname = \"idle\"\ndead = \"idle\"\nwait-ms = 5\nsees = [\"s\"]\npath = \"/\"\n\
         [[clean-up]]\nname = \"away\"\npath = \"/\"\n",
    );
    let roles: Vec<StepRole> = scenario.steps().map(|step| step.role).collect();
    use StepRole::{CleanUp, Fire, LogIn, LogOut, Prepare, ReadBack};
    assert_eq!(
        roles,
        [
            LogIn, Prepare, LogIn, LogOut, Fire, ReadBack, ReadBack, ReadBack, CleanUp
        ]
    );
    let dead: Vec<Option<Dead>> = scenario.read_back.iter().map(|step| step.dead).collect();
    assert_eq!(
        dead,
        [Some(Dead::LogOut), Some(Dead::Rotation), Some(Dead::Idle)]
    );
    assert!(
        scenario.read_back[0].status.accepts(401),
        "a refusal is what is hoped for"
    );
    assert!(
        !scenario.read_back[1].status.accepts(401) && scenario.read_back[1].status.accepts(403)
    );
    assert_eq!(scenario.read_back[2].wait_ms, 5);
}

#[test]
fn faults_are_read_and_their_outcome_is_not_required() {
    let scenario = parse(
        "[[each-round]]\nname = \"a\"\npath = \"/\"\nabort = { when = \"mid-answer\", how = \"reset\", after-ms = 5 }\n\
         slow-read = { bytes = 10 }\nslow-write = {}\n\
         [[each-round]]\nname = \"b\"\npath = \"/\"\ntimeout-ms = 50\nhalf-close = true\n\
         [[each-round]]\nname = \"c\"\npath = \"/\"\nmalformed = \"double-length\"\nstatus = 400\n\
         [[each-round]]\nname = \"d\"\npath = \"/\"\npipeline = 3\n",
    );
    let faults: Vec<&Faults> = scenario
        .each_round
        .iter()
        .map(|step| &step.faults)
        .collect();
    let abort = Abort {
        when: AbortWhen::MidAnswer,
        how: AbortHow::Reset,
        after_ms: 5,
    };
    assert_eq!(faults[0].abort, Some(abort));
    assert_eq!(
        faults[0].slow_read,
        Some(Pace {
            bytes: 10,
            every_ms: 20
        })
    );
    assert_eq!(
        faults[0].slow_write,
        Some(Pace {
            bytes: 64,
            every_ms: 20
        })
    );
    assert_eq!(
        (faults[1].timeout_ms, faults[1].half_close),
        (Some(50), true)
    );
    assert_eq!(faults[2].malformed, Some(Malformed::DoubleLength));
    assert_eq!((faults[3].pipeline, faults[3].breaks_off()), (3, false));
    let accepts =
        |position: usize, status: u16| scenario.each_round[position].status.accepts(status);
    assert!(accepts(0, 500) && accepts(1, 404) && !accepts(2, 200) && !accepts(3, 500));
    let told: Vec<bool> = scenario
        .step_infos()
        .iter()
        .map(|info| info.breaks_off)
        .collect();
    assert_eq!(told, [true, true, true, false, false]);
}

#[test]
fn a_companion_is_found_by_its_name_wherever_it_stands() {
    let mut scenario = parse(
        "[[setup]]\nname = \"s\"\npath = \"/\"\n[[volley]]\nname = \"slow\"\npath = \"/slow\"\nwith = \"log out\"\n\
         [[volley]]\nname = \"log out\"\nlogout = true\npath = \"/out\"\n",
    );
    assert_eq!(
        (scenario.volley[0].with, scenario.volley[0].companion),
        (Some(2), false)
    );
    assert_eq!(
        (scenario.volley[1].with, scenario.volley[1].companion),
        (None, true)
    );
    scenario.retain_steps(|step| step.name != "s");
    assert_eq!(
        (scenario.volley[0].with, scenario.volley[1].index),
        (Some(1), 1)
    );
    scenario.retain_steps(|step| step.name != "slow");
    assert!(
        !scenario.volley[0].companion,
        "nobody fires it any more but itself"
    );
}

#[test]
fn a_companion_that_is_left_out_is_forgotten() {
    let mut scenario = parse("[[volley]]\nname = \"slow\"\npath = \"/slow\"\nwith = \"last\"\n");
    scenario.retain_steps(|step| step.name == "slow");
    assert_eq!(scenario.volley[0].with, None);
}

#[test]
fn expectations_and_captures_are_compiled_when_the_file_is_read() {
    let expecting = step(
        "expect = { headers = { Location = \"^/inbox\" }, body = 'a\\d+', not-body = \"error\" }\n\
         capture = { t = { css = \"input[name='t']\", attribute = \"VALUE\" }, u = { regex = 'u=(\\w+)' } }",
    );
    let head = b"HTTP/1.1 200 OK\r\nlocation: /inbox\r\n";
    assert_eq!(expecting.expectations().unmet(head, b"a17"), None);
    let unmet = expecting
        .expectations()
        .unmet(b"HTTP/1.1 200 OK\r\n", b"a17")
        .unwrap();
    assert!(unmet.contains("`location`"), "{unmet}");
    let body = b"<input value=x name=t> u=7;";
    let taken: Vec<String> = expecting
        .captures
        .iter()
        .map(|capture| capture.take(head, body).unwrap())
        .collect();
    assert_eq!(taken, ["x", "7"]);
}

#[test]
fn redirects_and_anonymity_are_the_steps_own() {
    let asked = step("redirects = false\nanonymous = true");
    assert_eq!((asked.redirects, asked.anonymous), (Some(false), true));
    assert_eq!(step("redirects = true").redirects, Some(true));
    assert_eq!(step("").redirects, None);
}
