//! Properties of scenarios: a written one reads back equal, no text makes the reader panic, no value reaches a header or a
//! path that could break out of it.

use std::collections::BTreeMap;

use crosswire::history::StepInfo;
use crosswire::scenario::{Scenario, Surroundings, User, Values, shipped};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Texts that are awkward to write, in TOML and as templates.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~äß€😀\\t\\n\"'\\\\]{0,12}".prop_filter("no template, no environment", |text| !text
            .contains(['{', '$'])),
        Just("{{ user.name }} is {{ index }} of {{ count }}".to_owned()),
        Just("{{ user.pin | urlencode }}-{{ round }}".to_owned()),
        Just("{% if round > 1 %}a{% else %}'{{ token }}'{% endif %}".to_owned()),
        Just("{{ \"}}\" ~ secret('note') | base64 }}".to_owned()),
        Just("x{{ secret(\"file\") }}{# note #}".to_owned()),
        Just("{{ nonce() }}{{ random(4) }}{{ random_int(1, 6) }}{{ timestamp() }}".to_owned()),
    ]
}

/// A literal TOML writer of its own, so that the one under test does not check itself.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_graphic() || c == ' ' => out.push(c),
            c => out.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    out + "\""
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        text().prop_map(|text| quoted(&text)),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        (-1.0e9..1.0e9f64).prop_map(|number| format!("{number:?}")),
        Just("\"{{ index | int }}\"".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4)
            .prop_map(|items| format!("[{}]", items.join(", ")));
        let table = prop::collection::vec((text(), inner), 0..4).prop_map(|entries| {
            let entries: BTreeMap<String, String> = entries.into_iter().collect();
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{} = {value}", quoted(key)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        });
        prop_oneof![list, table]
    })
}

fn body() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        text().prop_map(|text| format!("text = {}\n", quoted(&text))),
        json().prop_map(|json| format!("json = {json}\n")),
        (text(), text()).prop_map(|(a, b)| format!(
            "form = {{ a = {}, \"b c\" = {} }}\n",
            quoted(&a),
            quoted(&b)
        )),
    ]
}

fn extras() -> impl Strategy<Value = String> {
    let status = select(vec![
        "",
        "status = 201\n",
        "status = \"4xx\"\n",
        "status = [200, \"3xx\", 404]\n",
    ]);
    let capture = select(vec![
        "",
        "capture = { id = { json = \"/a~1b/0\" }, etag = { header = \"ETag\" } }\n",
    ]);
    (status, capture, super::step_keys::keys())
        .prop_map(|(status, capture, keys)| format!("{status}{capture}{keys}"))
}

fn settings() -> impl Strategy<Value = String> {
    let release = select(vec![
        "strategy = \"barrier\"\nprotocol = \"http/2\"\nconnections = \"shared\"\n",
        "strategy = \"last-byte\"\n",
        "strategy = \"single-packet\"\n",
        "strategy = \"arrivals\"\nmean-gap-ms = 7\n",
        "",
    ]);
    let numbers = (
        1..=1000u32,
        1..=1000u32,
        prop::collection::vec(0..=10_000u32, 1..5),
        any::<bool>(),
    );
    (release, numbers).prop_map(|(release, (group, rounds, offsets, solo))| {
        format!("[fire]\n{release}group = {group}\nrounds = {rounds}\noffsets-us = {offsets:?}\nsolo = {solo}\n")
    })
}

fn explore() -> impl Strategy<Value = String> {
    let hold = select(vec![
        "",
        "hold = [\"messages\"]\n",
        "hold = [\"front\", \"answers\"]\n",
    ]);
    let search = select(vec!["", "search = \"pct\"\n", "search = \"random\"\n"]);
    let bound = prop::option::of(0..=1000u32);
    let rest = (1..=1_000_000u64, any::<bool>(), any::<bool>());
    let set = (hold, search, bound, rest).prop_map(|(hold, search, bound, rest)| {
        let (moves, cancel, time) = rest;
        let bound = bound.map_or(String::new(), |bound| format!("preemptions = {bound}\n"));
        format!(
            "[explore]\n{hold}{search}{bound}moves = {moves}\ncancel = {cancel}\ntime = {time}\n"
        )
    });
    prop_oneof![Just(String::new()), set]
}

fn users() -> impl Strategy<Value = String> {
    let pattern = (1..=40u32).prop_map(|count| {
        format!("[users]\ncount = {count}\nname = \"u{{{{ index }}}}\"\npin = \"{{{{ index * 7 }}}}-${{env:PIN}}\"\n")
    });
    let csv = select(vec!["", "count = 1\n"])
        .prop_map(|count| format!("[users]\ncsv = \"users.csv\"\n{count}"));
    let list =
        Just("[[users.list]]\nname = \"anna\"\npin = \"${env:PIN}\"\n[[users.list]]\nname = \"böb\"\npin = \"2\"\n".to_owned());
    prop_oneof![pattern, list, csv]
}

/// What belongs to every request, with whatever text.
fn session_section() -> impl Strategy<Value = String> {
    let credential = select(vec![
        "",
        "bearer = \"${env:PIN}{{ token }}\"\n",
        "basic = { user = \"{{ user.name }}\", password = \"{{ user.pin }}\" }\n",
    ]);
    let rest = select(vec![
        "",
        "redirects = false\nmax-redirects = 50\n",
        "refresh-status = [401, \"5xx\"]\nrefresh-after-s = 1\n",
    ]);
    (credential, rest, text()).prop_map(|(credential, rest, header)| {
        let header: String = header.chars().filter(|c| !c.is_control()).collect();
        let headers = format!(
            "headers = {{ x-s = {}, x-id = \"{{{{ uuid() }}}}{{{{ random(3) }}}}\" }}\n",
            quoted(&header)
        );
        format!("[session]\n{credential}{rest}{headers}")
    })
}

fn thresholds() -> impl Strategy<Value = String> {
    let bound = prop_oneof![
        (0..1_000_000u32).prop_map(|n| n.to_string()),
        (0.0..1.0f64).prop_map(|n| n.to_string())
    ];
    prop::collection::vec((select(vec![">=", "<=", ">", "<"]), bound), 0..4).prop_map(|all| {
        let metrics = ["pairs", "upper-bound", "failed", "spread-us"];
        let lines = metrics
            .iter()
            .zip(&all)
            .map(|(metric, (comparison, bound))| {
                format!("{metric} = [\"{comparison}{bound}\", \"< 9\"]\n")
            });
        format!("[thresholds]\n{}", lines.collect::<String>())
    })
}

/// A whole file in which everything fits together.
fn file() -> impl Strategy<Value = String> {
    let target = select(vec![
        "url = \"http://127.0.0.1:8080/\"\n",
        "url = \"https://[::1]:8443\"\n",
        "url = \"https://${env:HOST}/a/\"\nhosts = { b-c = \"http://${env:HOST}\", d = \"https://e:1\" }\nca = \"ca.pem\"\n\
            insecure = true\nproxy = \"socks5://u:${env:HOST}@p:1\"\nresolve = { \"h:1\" = \"${env:ADDRESS}\", \"[::1]:2\" = \"::1\" }\n",
        "bundled = \"mail/one-lock\"\nstore = \"memory\"\ntls = true\n",
    ]);
    let steps = prop::collection::vec((body(), extras(), text()), 1..4);
    let session = select(vec![
        "",
        "session = \"sid\"\n",
        "session = \"__Host-a.b~`|'\"\n",
    ]);
    let sections = (session_section(), thresholds(), explore());
    (target, users(), settings(), steps, text(), session, sections).prop_map(|(target, users, settings, steps, title, session, sections)| {
        let title: String = title.chars().filter(|c| !c.is_control()).collect();
        let mut file = format!("# Would catch: {}\nversion = 1\ntags = [\"a-1\", \"b\"]\ntitle = {}\n", title.trim(), quoted(&format!("t{title}")));
        file += &format!("[target]\n{target}{users}{settings}[secrets.file]\nattachment = true\n");
        file += &format!("{}{}{}", sections.0, sections.1, sections.2);
        file += "[[refresh]]\nname = \"refresh\"\npath = \"/{{ token }}\"\n[[clean-up]]\nname = \"leave\"\npath = \"/{{ public('all') }}\"\n";
        file += "[[setup]]\nname = \"plant\"\nlogin = true\npath = \"/{{ secret('note') }}/{{ secret('file') }}/{{ public('all') }}\"\n";
        file += session;
        file += "readers = [\"{{ user.name }}\"]\ncapture = { token = { cookie = \"sid\" } }\n";
        for list in ["each-round", "volley", "read-back"] {
            for (number, (body, extras, header)) in steps.iter().enumerate() {
                let header: String = header.chars().filter(|c| !c.is_control()).collect();
                file +=
                    &format!("[[{list}]]\nname = \"{list} {number}\"\nmethod = \"POST\"\npath = \"/{number}\"\n{body}{extras}");
                file += &format!("headers = {{ X-H = {} }}\nsees = [\"file\", \"note\"]\n", quoted(&header));
            }
        }
        file
    })
}

struct Beside;

impl Surroundings for Beside {
    fn variable(&self, name: &str) -> Option<String> {
        let value = match name {
            "PIN" => "{{ from the environment }}",
            "HOST" => "env.example",
            "ADDRESS" => "127.0.0.1:3",
            _ => return None,
        };
        Some(value.to_owned())
    }

    fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        let content = match path {
            "ca.pem" => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "users.csv" => "name,pin\nanna,\"{{ 1 }}, \"\"x\"\"\"\nb\u{f6}b,2\n",
            _ => return Err(std::io::ErrorKind::NotFound.into()),
        };
        Ok(content.as_bytes().to_vec())
    }
}

fn parse(name: &str, text: &str) -> Result<Scenario, crosswire::scenario::ScenarioError> {
    Scenario::parse_with(name, text, &Beside)
}

/// The request of every step, for values as given.
fn render_all(
    scenario: &Scenario,
    user: &User,
    value: &str,
) -> Vec<Result<crosswire::scenario::Rendered, String>> {
    let captures = ["token", "id", "etag"]
        .map(|name| (name.to_owned(), value.to_owned()))
        .into();
    let secrets: BTreeMap<u16, String> = (0..scenario.slots.len() as u16)
        .map(|slot| (slot, format!("canary{slot}")))
        .collect();
    let count = scenario.users.count();
    let values = Values {
        user,
        index: 1,
        count,
        round: 2,
        captures: &captures,
        secrets: &secrets,
        nonce: Some("nonce"),
        chance: 7,
        now_ms: 1_000,
    };
    scenario
        .steps()
        .map(|step| step.render(&values).map_err(|error| error.to_string()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_written_scenario_reads_back_equal_and_asks_the_same(file in file()) {
        let scenario = parse("s", &file).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let written = scenario.to_toml();
        let again = parse("s", &written).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&again, &scenario);
        prop_assert_eq!(again.to_toml(), written);
        prop_assert_eq!(again.users.list(), scenario.users.list());
        let unplaced = |scenario: &Scenario| {
            let infos = scenario.step_infos().into_iter();
            infos.map(|info| StepInfo { line: 0, ..info }).collect::<Vec<_>>()
        };
        prop_assert_eq!(unplaced(&again), unplaced(&scenario));
        prop_assert_eq!(again.supplied_secrets(), scenario.supplied_secrets());
        let user = &scenario.users.list()[0];
        prop_assert_eq!(render_all(&again, user, "v"), render_all(&scenario, user, "v"));
    }

    #[test]
    fn a_json_body_is_json_whatever_is_filled_in(file in file(), value in any::<String>()) {
        let scenario = parse("s", &file).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let user = User { name: value.clone(), attributes: [("pin".to_owned(), value.clone())].into() };
        for rendered in render_all(&scenario, &user, &value).into_iter().flatten() {
            let is_json = rendered.headers.iter().any(|header| header.1 == "application/json");
            prop_assert!(!is_json || serde_json::from_slice::<serde_json::Value>(&rendered.body).is_ok());
        }
    }

    #[test]
    fn nothing_filled_in_breaks_out_of_a_header_or_a_path(value in any::<String>(), control in select(vec!["", "\r\n", "\n", "\0", "\u{7f}", "\u{85}"])) {
        let file = "version = 1\n[target]\nurl = \"http://h\"\n[users]\ncount = 1\nname = \"u\"\npin = \"p\"\n\
            [[setup]]\nname = \"a\"\npath = \"/\"\ncapture = { token = { header = \"x\" } }\n\
            [[volley]]\nname = \"b\"\npath = \"/{{ token }}\"\n[[volley]]\nname = \"c\"\npath = \"/{{ token | urlencode }}\"\n\
            [[volley]]\nname = \"d\"\npath = \"/\"\nheaders = { x = \"{{ token }}\", y = \"{{ user.pin }}\" }\n";
        let scenario = parse("s", file).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let value = format!("{value}{control}x");
        let user = User { name: "u".to_owned(), attributes: [("pin".to_owned(), value.clone())].into() };
        let rendered = render_all(&scenario, &user, &value);
        prop_assert!(rendered[2].is_ok(), "urlencode makes every text fit a path: {:?}", rendered[2]);
        prop_assert_eq!(rendered[3].is_ok(), !value.chars().any(char::is_control));
        for request in rendered.into_iter().flatten() {
            prop_assert!(request.path.starts_with('/') && request.path.bytes().all(|byte| byte.is_ascii_graphic()));
            let texts = request.headers.iter().flat_map(|header| [&header.0, &header.1]);
            prop_assert!(texts.flat_map(|text| text.chars()).all(|c| !c.is_control()));
        }
    }

    #[test]
    fn no_damage_to_a_file_makes_the_reader_panic(
        which in any::<Index>(),
        cuts in prop::collection::vec((any::<Index>(), 0..8usize, "[ -~\\n\\r\\tä]{0,6}|\\[|\\{\\{|\\}\\}|\"\"\"|\\$\\{env:|secret\\('"), 1..6),
    ) {
        let mut bytes = which.get(shipped()).text.as_bytes().to_vec();
        for (place, removed, put_in) in cuts {
            let at = place.index(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, put_in.into_bytes());
        }
        if let Err(error) = Scenario::parse_bytes("damaged.toml", &bytes) {
            let text = String::from_utf8_lossy(&bytes);
            prop_assert!(error.line() >= 1 && error.line() <= text.lines().count() + 1);
            prop_assert!(error.to_string().contains(error.message()));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in any::<String>()) {
        let _ = Scenario::parse_bytes("noise", &bytes);
        let _ = Scenario::parse_with("noise", &format!("version = 1\n{text}"), &Beside);
    }
}
