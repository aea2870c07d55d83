//! What the command writes besides its verdict: the JSON report and its schema, colours, streams, printed texts.

use serde_json::Value;

use crate::command::{crosswire, expect, folder, run, small_mail, text};

/// Checks a document against the keywords that the report's schema uses, and that the schema knows every field there is.
fn check(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        return check(
            value,
            &root["$defs"][name.strip_prefix("#/$defs/").unwrap()],
            root,
            at,
        );
    }
    if let Some(options) = schema["anyOf"].as_array() {
        // Only `X or null` occurs.
        assert_eq!(options.len(), 2, "{at}");
        if !value.is_null() {
            check(value, &options[0], root, at);
        }
        return;
    }
    if let Some(options) = schema["oneOf"].as_array() {
        assert!(
            options.iter().any(|option| &option["const"] == value),
            "{at}: {value} is none of {options:?}"
        );
        return;
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => vec![
            one.as_str()
                .unwrap_or_else(|| panic!("{at}: no type in {schema}")),
        ],
    };
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{at}: unknown type {other}"),
    };
    assert!(types.iter().any(is), "{at}: {value} is not {types:?}");
    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
        check(item, &schema["items"], root, &format!("{at}/{i}"));
    }
    let Some(fields) = value.as_object() else {
        return;
    };
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            fields.contains_key(required.as_str().unwrap()),
            "{at}: no {required}"
        );
    }
    for (name, field) in fields {
        let known = schema["properties"]
            .get(name)
            .unwrap_or_else(|| panic!("{at}: {name} is not in the schema"));
        assert!(
            known["description"].is_string() || known["$ref"].is_string(),
            "{at}/{name}: not described"
        );
        check(field, known, root, &format!("{at}/{name}"));
    }
}

#[test]
fn the_json_report_is_what_its_schema_says() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let schema: Value = serde_json::from_str(&expect(0, "schema report").stdout).unwrap();
    let exposed = expect(
        0,
        &format!(
            "run {} --store-delay 500us --report json=- --seed 3",
            text(&file)
        ),
    );
    let alone = expect(4, &format!("run {} --users 1 --report json=-", text(&file)));
    assert!(
        exposed.stderr.starts_with("EXPOSED"),
        "the report for people goes to stderr:\n{}",
        exposed.stderr
    );
    for stdout in [&exposed.stdout, &alone.stdout] {
        check(&serde_json::from_str(stdout).unwrap(), &schema, &schema, "");
    }
    let json: Value = serde_json::from_str(&exposed.stdout).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["crosswire_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["seed"], 3);
    assert_eq!(
        (&json["verdict"], &json["expected"], &json["as_expected"]),
        (&"exposed".into(), &"exposed".into(), &true.into())
    );
    assert_eq!(json["target"]["name"], "mail/shared-note");
    let exposures = json["exposures"].as_array().unwrap();
    assert!(
        exposures
            .iter()
            .all(|exposure| exposure["viewer"] != exposure["victim"]),
        "{json}"
    );
    assert!(
        exposures.iter().any(|exposure| exposure["kind"] == "read"),
        "{json}"
    );
    assert!(
        json["spread"]["median_us"].as_u64() <= json["spread"]["p95_us"].as_u64(),
        "{json}"
    );
}

#[test]
fn a_stored_history_is_judged_alike() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let history = folder.path().join("history.ndjson");
    for (variant, code) in [("shared-note", 0), ("per-request", 6)] {
        let run = format!(
            "run {} --variant {variant} --store-delay 500us --history {} --report json=- -q",
            text(&file),
            text(&history)
        );
        let first: Value = serde_json::from_str(&expect(code, &run).stdout).unwrap();
        let judge = format!(
            "judge {} --expect exposed --report json=- -q",
            text(&history)
        );
        let mut again: Value = serde_json::from_str(&expect(code, &judge).stdout).unwrap();
        // The command line is not in the history; everything else is.
        for known_to_the_run in ["replay", "scenario_path", "stored_as"] {
            again[known_to_the_run] = first[known_to_the_run].clone();
        }
        for (exposure, of_run) in again["exposures"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .zip(first["exposures"].as_array().unwrap())
        {
            exposure["replay"] = of_run["replay"].clone();
        }
        assert_eq!(first, again);
    }
}

#[test]
fn an_old_report_stays_until_there_is_a_new_one() {
    let folder = folder();
    let report = folder.path().join("report.json");
    std::fs::write(&report, "the old report, which is longer than nothing").unwrap();
    let refused = format!(
        "run mail-2008 --url http://192.0.2.1 --report json={}",
        text(&report)
    );
    expect(2, &refused);
    assert_eq!(
        std::fs::read_to_string(&report).unwrap(),
        "the old report, which is longer than nothing"
    );
    let file = small_mail(folder.path(), "small", &[]);
    expect(
        4,
        &format!(
            "run {} --users 1 -q --report json={}",
            text(&file),
            text(&report)
        ),
    );
    let json: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(json["verdict"], "inconclusive");
}

#[test]
fn no_output_destroys_another_or_an_input() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("second")).unwrap();
    let scenario = small_mail(folder.path(), "small", &[]);
    let namesake = small_mail(&folder.path().join("second"), "small", &[]);
    let (scenario, namesake) = (text(&scenario), text(&namesake));
    let kept = folder.path().join("kept");
    std::fs::write(&kept, "what stood there").unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let (kept, dotted, named) = (at("kept"), at("./kept"), at("{scenario}.json"));
    let new = at("new");
    let content = |path: &str| std::fs::read_to_string(path).unwrap();
    let before = content(scenario);
    for (arguments, part) in [
        (
            format!("run {scenario} --report json={kept} --history {dotted}"),
            "both the history and the json report of small",
        ),
        (
            format!("run {scenario} --report json={kept} --report text={dotted}"),
            "both the json report of small and the text report of small",
        ),
        (
            format!("run {scenario} --report json={new} --report text={new}"),
            "both the json report of small and the text report of small",
        ),
        (
            format!("run {scenario} --history {scenario}"),
            "is the scenario small",
        ),
        (
            format!("run {scenario} --report json={scenario}"),
            "is the scenario small",
        ),
        (
            format!("run {scenario} {namesake} --report json={named}"),
            "written twice",
        ),
        (
            format!("judge {kept} --report json={dotted}"),
            "is the history",
        ),
    ] {
        let ran = expect(2, &arguments);
        assert!(
            ran.stderr.contains(part),
            "crosswire {arguments}: no {part:?} in\n{}",
            ran.stderr
        );
        assert_eq!(content(&kept), "what stood there", "{arguments}");
        assert_eq!(content(scenario), before, "{arguments}");
    }
}

/// Where the system has a device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_stdout_that_fails_does_not_cost_the_report() {
    let folder = folder();
    let file = small_mail(folder.path(), "small", &[]);
    let report = folder.path().join("report.json");
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let status = crosswire()
        .args(["run", text(&file), "--users", "1"])
        .arg(format!("--report=json={}", text(&report)))
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(2));
    let json: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(json["verdict"], "inconclusive");
}

#[test]
fn nothing_is_coloured_that_is_no_terminal() {
    for arguments in [
        "targets",
        "scenarios",
        "run no-such-scenario",
        "--help",
        "run --help",
    ] {
        let ran = run(arguments.split(' '));
        assert!(
            !ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'),
            "{arguments}: {ran:?}"
        );
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let mut child = crosswire()
        .args(["man", "run"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_there_is_is_listed() {
    let targets = expect(0, "targets").stdout;
    for variant in [
        "mail/shared-note",
        "mail/locked-note",
        "mail/one-lock",
        "mail/per-request",
    ] {
        assert!(targets.contains(variant), "{targets}");
    }
    let scenarios = expect(0, "scenarios").stdout;
    for shipped in crosswire::scenario::shipped() {
        assert!(scenarios.contains(shipped.name), "{scenarios}");
    }
}

#[test]
fn completions_and_man_pages_know_the_subcommands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = expect(0, &format!("completions {shell}")).stdout;
        assert!(
            script.contains("--allow-host") || script.contains("allow-host"),
            "{shell}: {script}"
        );
    }
    assert!(expect(0, "man").stdout.contains("crosswire\\-run"));
    assert!(expect(0, "man run").stdout.contains("\\-\\-allow\\-host"));
    expect(2, "man fly");
}
