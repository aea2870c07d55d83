//! HAR 1.2 of the exchanges that exposed something, and of those they met: for browsers' network panels and HAR viewers.
//!
//! A report does not know the hour. Times count from the beginning of the run, written as if that had been 1970.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::{Finding, FindingSide, Piece, Report, telling, words};

/// Writes a report as a HAR log.
pub(super) fn render(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &json!({"log": log(report)}))?;
    out.write_all(b"\n")
}

fn log(report: &Report) -> Value {
    // An exchange that several findings name is told once; findings stand in the order of their first exchange.
    let mut entries: BTreeMap<(u64, u64), Value> = BTreeMap::new();
    let mut pages = Vec::new();
    for finding in &report.findings {
        pages.push(page(finding));
        let mut add = |side: &FindingSide, user: &str, role: &str| {
            let entry = entries
                .entry((side.sent_ns, side.exchange))
                .or_insert_with(|| entry(report, finding, side));
            let part = json!({"finding": finding.id, "user": user, "role": role});
            if let Some(parts) = entry["_crosswire"].as_array_mut() {
                parts.push(part);
            }
        };
        add(&finding.viewer_side, &finding.viewer, "viewer");
        if let Some(side) = &finding.victim_side {
            add(side, &finding.victim, "victim");
        }
    }
    json!({
        "version": "1.2",
        "creator": {"name": "crosswire", "version": report.crosswire_version},
        "pages": pages,
        "entries": entries.into_values().collect::<Vec<Value>>(),
        "comment": "The exchanges of the findings. Times count from the beginning of the run, not from 1970. Of a request \
                    only its line is known. Canaries, sessions and supplied secrets are masked; bodies are excerpts.",
    })
}

fn page(finding: &Finding) -> Value {
    json!({
        "startedDateTime": moment(finding.viewer_side.sent_ns),
        "id": finding.id,
        "title": telling::headline(finding),
        "pageTimings": {},
    })
}

fn entry(report: &Report, finding: &Finding, side: &FindingSide) -> Value {
    let ms = milliseconds(side.done_ns.saturating_sub(side.sent_ns));
    let (method, path) = side
        .request
        .split_once(' ')
        .unwrap_or(("GET", &side.request));
    let head = text(&side.evidence.head);
    let version = head
        .split_once(' ')
        .map_or("", |(version, _)| version)
        .strip_prefix("HTTP/")
        .map_or_else(|| "unknown".to_owned(), |version| format!("HTTP/{version}"));
    json!({
        "pageref": finding.id,
        "startedDateTime": moment(side.sent_ns),
        "time": ms,
        "request": {
            "method": method,
            "url": format!("{}{path}", report.url.trim_end_matches('/')),
            "httpVersion": version,
            "cookies": [],
            "headers": [],
            "queryString": query(path),
            "headersSize": -1,
            "bodySize": -1,
        },
        "response": response(side, &head, &version),
        "cache": {},
        // How the time divides is not known; waiting is most of it.
        "timings": {"send": 0, "wait": ms, "receive": 0},
        "comment": format!("step {}, {}", side.step, telling::when(finding)),
        "_crosswire": [],
    })
}

fn response(side: &FindingSide, head: &str, version: &str) -> Value {
    let mut lines = head.lines();
    let reason = lines
        .next()
        .and_then(|line| line.splitn(3, ' ').nth(2))
        .unwrap_or_default();
    let headers: Vec<(&str, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| *value)
    };
    let evidence = &side.evidence;
    let mut content = json!({
        "size": evidence.body_len,
        "mimeType": header("content-type").unwrap_or("application/octet-stream"),
        "text": text(&evidence.body),
    });
    if evidence.body_shown < evidence.body_len {
        content["comment"] = excerpt(side).into();
    }
    let told: Vec<Value> = headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({
        "status": side.status.unwrap_or(0),
        "statusText": reason,
        "httpVersion": version,
        "cookies": [],
        "headers": told,
        "content": content,
        "redirectURL": header("location").unwrap_or_default(),
        "headersSize": -1,
        "bodySize": -1,
    })
}

/// Which part of a body is shown: `bytes 512 to 900 of 1,900`.
pub(super) fn excerpt(side: &FindingSide) -> String {
    let evidence = &side.evidence;
    format!(
        "bytes {} to {} of {}",
        words::number(evidence.body_start),
        words::number(evidence.body_start.saturating_add(evidence.body_shown)),
        words::number(evidence.body_len)
    )
}

fn text(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

fn query(path: &str) -> Vec<Value> {
    let Some((_, query)) = path.split_once('?') else {
        return Vec::new();
    };
    url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect()
}

/// A time since the beginning of the run as a date of ISO 8601. Runs are shorter than a month.
fn moment(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (day, hour, minute) = (
        seconds / 86_400 + 1,
        seconds / 3_600 % 24,
        seconds / 60 % 60,
    );
    format!(
        "1970-01-{:02}T{hour:02}:{minute:02}:{:02}.{:06}Z",
        day.min(31),
        seconds % 60,
        ns / 1_000 % 1_000_000
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an exchange is far shorter than 53 bits of nanoseconds"
)]
fn milliseconds(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;
    use super::*;

    #[test]
    fn entries_have_what_har_asks_for() {
        for (name, report) in all() {
            let log = log(&report);
            assert_eq!(log["version"], "1.2", "{name}");
            for entry in log["entries"].as_array().unwrap() {
                for field in [
                    "startedDateTime",
                    "time",
                    "request",
                    "response",
                    "cache",
                    "timings",
                ] {
                    assert!(!entry[field].is_null(), "{name}: no {field} in {entry}");
                }
                for field in [
                    "method",
                    "url",
                    "httpVersion",
                    "cookies",
                    "headers",
                    "queryString",
                    "headersSize",
                    "bodySize",
                ] {
                    assert!(
                        !entry["request"][field].is_null(),
                        "{name}: no {field} in {entry}"
                    );
                }
                for field in [
                    "status",
                    "statusText",
                    "httpVersion",
                    "headers",
                    "content",
                    "redirectURL",
                ] {
                    assert!(
                        !entry["response"][field].is_null(),
                        "{name}: no {field} in {entry}"
                    );
                }
                let pages = log["pages"].as_array().unwrap();
                assert!(
                    pages.iter().any(|page| page["id"] == entry["pageref"]),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn an_exchange_of_two_findings_is_told_once() {
        let mut report = all()["exposed"].clone();
        // All samples share the numbers of their exchanges.
        assert_eq!(log(&report)["entries"].as_array().map(Vec::len), Some(2));
        report.findings[1].viewer_side.exchange = 70;
        let log = log(&report);
        let entries = log["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[0]["startedDateTime"], "1970-01-01T00:00:01.234000Z");
        assert_eq!(entries[0]["response"]["status"], 200);
        assert_eq!(entries[0]["response"]["statusText"], "OK");
        assert_eq!(
            entries[0]["response"]["content"]["mimeType"],
            "text/html; charset=utf-8"
        );
        assert!(
            entries[0]["response"]["content"]["comment"]
                .as_str()
                .unwrap()
                .starts_with("bytes 512 to ")
        );
        let cookie = entries[0]["response"]["headers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|header| header["name"] == "set-cookie")
            .unwrap();
        assert_eq!(cookie["value"], "sid=[masked]; Path=/; HttpOnly");
        assert_eq!(
            entries[0]["request"]["queryString"][1],
            json!({"name": "p", "value": "[secret]"})
        );
    }
}
