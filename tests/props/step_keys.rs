//! Keys of steps: those that may stand in every list, and steps that spoil their own request; all read back equal.

use crosswire::scenario::Scenario;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Slow reading or writing, or neither.
fn pace() -> impl Strategy<Value = String> {
    let key = select(vec!["slow-read", "slow-write"]);
    let pace = (key, 1..=1_048_576u32, 1..=60_000u32);
    let written = pace.prop_map(|(key, bytes, every)| {
        format!("{key} = {{ bytes = {bytes}, every-ms = {every} }}\n")
    });
    prop_oneof![Just(String::new()), written]
}

/// Some of the keys that go together with every other.
pub(crate) fn keys() -> impl Strategy<Value = String> {
    let keys = vec![
        "query = { q = \"{{ user.name }} &\", \"a b\" = \"${env:PIN}\" }\n",
        "anonymous = true\n",
        "redirects = false\n",
        "expect = { headers = { Location = '^/\\w+' }, body = 'a\"b', not-body = \"(?i)error\\n\" }\n",
    ];
    let count = keys.len();
    (subsequence(keys, 0..=count), pace()).prop_map(|(keys, pace)| keys.concat() + &pace)
}

/// A fault after which nothing is expected of the answer, or one with an answer and what is taken from it.
fn fault() -> impl Strategy<Value = String> {
    let abort = (
        select(vec!["mid-request", "before-answer", "mid-answer"]),
        select(vec!["close", "reset"]),
        0..=600_000u32,
    );
    let malformed = select(vec![
        "request-line",
        "header",
        "length",
        "chunk",
        "double-length",
    ]);
    let capture = select(vec![
        "",
        "capture = { a = { css = \"form > input[name='t']\", attribute = \"VALUE\" }, b = { css = 'p:nth-child(2)' } }\n",
        "capture = { a = { regex = 't=([^&\"]+)' } }\n",
    ]);
    prop_oneof![
        abort.prop_map(|(when, how, after)| format!(
            "abort = {{ when = \"{when}\", how = \"{how}\", after-ms = {after} }}\n"
        )),
        (1..=600_000u32, any::<bool>())
            .prop_map(|(timeout, half)| format!("timeout-ms = {timeout}\nhalf-close = {half}\n")),
        malformed.prop_map(|malformed| format!("malformed = \"{malformed}\"\nstatus = 400\n")),
        (1..=100u32, capture)
            .prop_map(|(pipeline, capture)| format!("pipeline = {pipeline}\n{capture}")),
    ]
}

fn body() -> impl Strategy<Value = &'static str> {
    select(vec![
        "",
        "raw = { base64 = \"AAEC/w==\" }\n",
        "multipart = [{ name = \"a\\\"b\", text = \"{{ secret('note') }}\", filename = \"{{ user.name }}\", type = \"x/y\" }, { name = \"c\", text = \"${env:PIN}\" }]\n",
    ])
}

/// A step that is fired together with the last one of the volley, or by itself.
fn companion() -> impl Strategy<Value = &'static str> {
    select(vec!["", "with = \"last\"\n"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_requests_and_companions_read_back_equal(
        steps in prop::collection::vec((fault(), body(), companion()), 1..4),
        (wait, dead) in (0..=600_000u32, select(vec!["log-out", "idle", "rotation"])),
    ) {
        let mut file = "version = 1\n[target]\nurl = \"http://127.0.0.1:1\"\nhosts = { auth = \"https://127.0.0.2\" }\n\
            [users]\ncount = 2\nname = \"u{{ index }}\"\n[[setup]]\nname = \"in\"\nlogin = true\npath = \"/{{ secret('note') }}\"\n\
            host = \"auth\"\n".to_owned();
        for (number, (fault, body, with)) in steps.iter().enumerate() {
            file += &format!("[[volley]]\nname = \"{number}\"\nmethod = \"POST\"\npath = \"/\"\n{fault}{body}{with}");
        }
        file += "[[volley]]\nname = \"last\"\nlogout = true\npath = \"/\"\n";
        file += &format!("[[read-back]]\nname = \"dead\"\npath = \"/\"\nsees = [\"note\"]\nwait-ms = {wait}\ndead = \"{dead}\"\n");
        let read = |text: &str| {
            let scenario = Scenario::parse_in("s", text, &|_| Some("{{ pin }}".to_owned()));
            scenario.map_err(|error| TestCaseError::fail(error.to_string()))
        };
        let scenario = read(&file)?;
        let written = scenario.to_toml();
        let again = read(&written)?;
        prop_assert_eq!(&again, &scenario);
        prop_assert_eq!(again.to_toml(), written);
        let companions = scenario.volley.iter().filter(|step| step.companion).count();
        prop_assert_eq!(companions, usize::from(steps.iter().any(|step| !step.2.is_empty())));
    }
}
