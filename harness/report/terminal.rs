//! The report for people: the verdict in one line, then the evidence, then what it is worth and how to run it again.

mod day;
mod explored;

use std::io::{self, Write};
use std::time::Duration;

use super::telling::{
    FEW, Group, advice, exchanges, few, groups, is_of_oneself, outcome, phase, sentences, strength,
    takes, threshold, when,
};
use super::{Finding, Report, words};
use crate::history::{Ending, Move, Way};
use crate::judge::Verdict;

/// Columns of a line at most (longer words and commands excepted).
const WIDTH: usize = 100;
/// Columns of the labels.
const LABEL: usize = 14;
/// Where explorations find what requests one after the other do not show.
const INTERLEAVED: &str = "schedules that interleave the requests";
/// Lines of findings.
const LINES: usize = FEW;

/// How a report looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether escape sequences for colour may be written.
    pub colour: bool,
}

impl Look {
    /// Nothing but text.
    pub const PLAIN: Look = Look { colour: false };

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// A verdict in capitals, in its colour.
    #[must_use]
    pub fn verdict(self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Exposed => self.paint("1;31", "EXPOSED"),
            Verdict::Isolated => self.paint("1;32", "ISOLATED"),
            Verdict::Inconclusive => self.paint("1;33", "INCONCLUSIVE"),
        }
    }

    /// Something that may be passed over.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Something that should be seen first.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }
}

/// Writes the report for a terminal.
///
/// # Errors
/// When `out` fails.
pub fn render_terminal(report: &Report, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let width = if report.explored.is_empty() {
        WIDTH
    } else {
        explored::WIDTH
    };
    let mut page = Page { out, look, width };
    page.headline(report)?;
    if let Some(day) = &report.day {
        page.day(day)?;
    }
    page.findings(report)?;
    page.explored(report)?;
    page.worth(report)?;
    page.run(report)
}

/// Labels on the left, wrapped text on the right.
struct Page<'a> {
    out: &'a mut dyn Write,
    look: Look,
    /// Columns of a line at most.
    width: usize,
}

impl Page<'_> {
    fn row(&mut self, label: &str, text: &str) -> io::Result<()> {
        for (i, line) in words::wrapped(text, self.width - LABEL - 2)
            .iter()
            .enumerate()
        {
            let label = format!("{:LABEL$}", if i == 0 { label } else { "" });
            writeln!(self.out, "  {}{line}", self.look.faint(&label))?;
        }
        Ok(())
    }

    /// A row that is never broken, because it is there to be copied.
    fn whole_row(&mut self, label: &str, text: &str) -> io::Result<()> {
        writeln!(
            self.out,
            "  {}{text}",
            self.look.faint(&format!("{label:LABEL$}"))
        )
    }

    fn headline(&mut self, report: &Report) -> io::Result<()> {
        let what = outcome(report);
        let verdict = self.look.verdict(report.verdict);
        let subject = self
            .look
            .strong(&format!("{} on {}", report.scenario, report.target));
        writeln!(self.out, "{verdict}  {subject}: {what}\n")
    }

    fn findings(&mut self, report: &Report) -> io::Result<()> {
        if report.findings.is_empty() {
            return Ok(());
        }
        self.table(report)?;
        if let Some(first) = report
            .findings
            .iter()
            .find(|finding| finding.victim_side.is_some())
        {
            for (i, sentence) in sentences(first).iter().enumerate() {
                self.row(if i == 0 { "one closely" } else { "" }, sentence)?;
            }
        }
        self.row("in all", &in_all(report))?;
        self.row("found in", &found_in(report))?;
        if report.counts.ordered > 0 {
            self.row("order", &order(report))?;
        }
        writeln!(self.out)
    }

    fn table(&mut self, report: &Report) -> io::Result<()> {
        let lines = lines(&report.findings);
        let shown: Vec<&Line> = lines.iter().take(LINES).collect();
        let width = |column: fn(&Line) -> &str| {
            shown
                .iter()
                .map(|line| column(line).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (who, place, when) = (width(|l| &l.who), width(|l| &l.place), width(|l| &l.when));
        let grouped = shown.iter().any(|line| line.pairs.is_some_and(|n| n > 1));
        let is_in_process = report.explored.iter().any(|one| one.way == Way::InProcess);
        for line in &shown {
            let pairs = match line.pairs {
                _ if !grouped => String::new(),
                Some(pairs) => format!("  {:>9}", words::count(pairs, "pair")),
                None => format!("  {:>9}", ""),
            };
            // In process only the first execution of every outcome is kept, and to count those says nothing.
            let times = if is_in_process {
                String::new()
            } else {
                format!("{}×", words::number(line.times))
            };
            let text = format!(
                "  {:who$}  {:place$}  {:when$}{pairs}  {times:>6}",
                line.who, line.place, line.when
            );
            writeln!(self.out, "{}", text.trim_end())?;
        }
        let told: u64 = shown.iter().map(|line| line.findings).sum();
        if report.findings_total > told {
            let more = format!("and {} more", words::number(report.findings_total - told));
            writeln!(self.out, "  {}", self.look.faint(&more))?;
        }
        writeln!(self.out)
    }

    fn worth(&mut self, report: &Report) -> io::Result<()> {
        if report.verdict == Verdict::Inconclusive {
            for (i, reason) in report.reasons.iter().enumerate() {
                self.row(if i == 0 { "lacking" } else { "" }, &reason.text)?;
            }
        }
        if let Some(advice) = advice(report) {
            self.row("to do", &advice)?;
        }
        self.row("strength", &strength(report))?;
        for spread in &report.spread {
            let clock = if spread.by_server {
                "by the server's clock"
            } else {
                "by the client's releases"
            };
            let volleys = if spread.volleys == 1 {
                "volley"
            } else {
                "volleys"
            };
            let text = format!(
                "{}: {} {volleys}, spread {} (median), {} (95th percentile) {clock}",
                spread.strategy,
                words::number(spread.volleys),
                words::time(Duration::from_micros(spread.median_us)),
                words::time(Duration::from_micros(spread.p95_us)),
            );
            self.row("released", &text)?;
        }
        for note in &report.notes {
            self.row("note", note)?;
        }
        for result in &report.thresholds {
            self.row("threshold", &threshold(result))?;
        }
        Ok(())
    }

    fn run(&mut self, report: &Report) -> io::Result<()> {
        let elapsed = words::time(Duration::from_nanos(report.elapsed_ns));
        let ended = match &report.ending {
            Some(Ending::Completed) => None,
            Some(Ending::Limit { limit }) => Some(format!("at a limit after {elapsed}: {limit}")),
            Some(Ending::Interrupted) => Some(format!(
                "interrupted after {elapsed}; what was recorded until then counts"
            )),
            // What is lacking has told why already.
            Some(Ending::Failed { why, .. }) if is_told(report, why) => {
                Some(format!("early, after {elapsed}"))
            }
            Some(Ending::Failed { why, .. }) => Some(format!("early, after {elapsed}: {why}")),
            None => Some("unknown: the history breaks off".to_owned()),
        };
        if let Some(ended) = ended {
            self.row("ended", &ended)?;
        }
        let users = words::count(report.users, "user");
        let rounds = match &report.strength.reach {
            Some(reach) => words::count(reach.schedules, "schedule"),
            None if report.is_exploration() => words::count(0, "schedule"),
            None => words::count(report.strength.rounds.into(), "round"),
        };
        self.row(
            "run",
            &format!("{users}, {rounds}, {elapsed}, seed {}", report.seed),
        )?;
        if let Some(replay) = &report.replay {
            self.whole_row("again", replay)?;
        }
        if !report.as_expected() {
            self.row(
                "expected",
                &format!("{}, so this is not as expected", report.expected),
            )?;
        }
        Ok(())
    }
}

/// Whether the rows of what is lacking hold this sentence.
fn is_told(report: &Report, why: &str) -> bool {
    report.verdict == Verdict::Inconclusive
        && report
            .reasons
            .iter()
            .any(|reason| reason.text.contains(why))
}

/// One line of the table: a finding, or the first of many alike.
struct Line {
    who: String,
    place: String,
    when: String,
    findings: u64,
    /// Pairs of viewer and victim; none when nobody else is in it.
    pairs: Option<u64>,
    times: u64,
}

/// A line per finding when they are few; otherwise a line per kind of finding, told by its most telling example.
fn lines(findings: &[Finding]) -> Vec<Line> {
    let line = |group: Group<'_>| Line {
        who: group.headline(),
        place: format!("{}, {}", group.example.step, group.example.place),
        when: when(group.example),
        findings: group.findings,
        pairs: (!is_of_oneself(group.example)).then_some(group.findings),
        times: group.times,
    };
    let groups = if findings.len() > FEW {
        groups(findings)
    } else {
        few(findings)
    };
    groups.into_iter().map(line).collect()
}

fn in_all(report: &Report) -> String {
    let counts = &report.counts;
    let mut parts = vec![exchanges(report)];
    if counts.attachments > 0 {
        parts.push(format!(
            "{} downloaded by somebody else",
            words::count(counts.attachments, "attachment")
        ));
    }
    if counts.writes > 0 {
        parts.push(format!(
            "{} changed or removed by somebody else",
            words::count(counts.writes, "item")
        ));
    }
    parts.join("; ")
}

fn found_in(report: &Report) -> String {
    if let Some(text) = found_in_schedules(report) {
        return text.to_owned();
    }
    let phases = report.by_phase();
    let parts: Vec<String> = phases
        .iter()
        .map(|(p, n)| format!("{} ({})", phase(*p), words::number(*n)))
        .collect();
    format!("{}: {}", parts.join(", "), takes(report))
}

/// What kind of schedules shows what an exploration found; `None` when requests alone showed some of it.
fn found_in_schedules(report: &Report) -> Option<&'static str> {
    report.strength.reach.as_ref()?;
    if report.takes_race() {
        return Some(INTERLEAVED);
    }
    let shown = report.findings.iter().map(|one| one.shown_by.as_ref());
    let shown: Vec<_> = shown.collect::<Option<_>>()?;
    let is_cancel = |mv: &Move| matches!(mv, Move::Cancel(_));
    let cancels = shown.iter().any(|one| one.schedule.0.iter().any(is_cancel));
    Some(if cancels {
        "schedules in which a client goes away; some need no requests at the same time"
    } else {
        "schedules, some of which run one request after the other: it needs no race"
    })
}

fn order(report: &Report) -> String {
    let counts = &report.counts;
    format!(
        "in {} of {} the viewer's request wrote the memo before the victim's",
        words::number(counts.viewer_earlier),
        words::count(counts.ordered, "crossing")
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{all, exposed, isolated, report};
    use super::*;
    use crate::judge::ReasonKind;

    fn shown(report: &Report, look: Look) -> String {
        let mut bytes = Vec::new();
        render_terminal(report, look, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_exposure_is_told_verdict_first() {
        let text = shown(&report(&exposed()), Look::PLAIN);
        let expected = "\
EXPOSED  notes on http://127.0.0.1:8080: 3 users received or acted on data of 3 others

  carol changed or removed alice's note  delete, read-back  read-back, round 2      1×
  bob received carol's note              read, body         volley, round 2     1,200×
  alice received bob's note              read, body         volley, round 2         3×
  and 112 more

  one closely   carol sent GET /note?q=…g587&p=[secret] 1.234000 s into the run.
                alice sent GET /note?q=…g587&p=[secret] 42 µs after that.
                By the server's clock carol's request came first, alice's 42 µs later.
                The memo was written for carol (entry 11), then for alice (entry 12).
                After carol's request (200) alice's note was gone or changed (read-back, canary
                …fh5p).
  in all        170 of 640 exchanges held somebody else's data; 2 attachments downloaded by somebody
                else; 1 item changed or removed by somebody else
  found in      volley (2), read-back (1): it takes requests that overlap
  order         in 160 of 161 crossings the viewer's request wrote the memo before the victim's

  strength      1,900 overlapping pairs of different owners in 20 volleys (1,400 by the server's
                clock, the rest as the client saw it)
  released      barrier: 20 volleys, spread 180 µs (median), 4.2 ms (95th percentile) by the
                server's clock
  note          the answer of http://alice:[secret]@127.0.0.1 was slow
  run           3 users, 10 rounds, 2.3 s, seed 42
  again         crosswire run ./notes.toml --seed 42
  expected      isolated, so this is not as expected
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn more_rounds_are_no_cure_for_canaries_that_do_not_come_back() {
        let mut report = all()["inconclusive"].clone();
        report.reasons = vec![crate::judge::Reason::new(
            ReasonKind::Control,
            "own canaries were not received back alone by u1 (note in read)",
        )];
        let text = shown(&report, Look::PLAIN);
        assert!(text.contains("to do         check those steps"), "{text}");
    }

    #[test]
    fn a_run_that_failed_tells_its_reason_once_and_where_to_look() {
        let why = "nothing answers at http://127.0.0.1:8080: connection refused";
        let mut report = all()["inconclusive"].clone();
        report.reasons = vec![crate::judge::Reason::new(
            ReasonKind::Failed,
            format!("the run failed: {why}"),
        )];
        report.ending = Some(Ending::Failed {
            why: why.into(),
            cause: crate::history::Cause::Unreachable,
        });
        let text = shown(&report, Look::PLAIN);
        assert_eq!(text.matches("connection refused").count(), 1, "{text}");
        assert!(
            text.contains("to do         put right what the reason above names"),
            "{text}"
        );
        assert!(
            text.contains("ended         early, after 90.0 ms\n"),
            "{text}"
        );
        report.reasons.clear();
        assert!(shown(&report, Look::PLAIN).contains("connection refused"));
    }

    #[test]
    fn what_is_to_do_is_about_what_is_lacking() {
        for (kind, advice) in [
            (ReasonKind::Learning, "check each identity's header"),
            (
                ReasonKind::PlantedExposures,
                "let raced steps show what only their user may see",
            ),
        ] {
            let mut report = all()["inconclusive"].clone();
            report.reasons = vec![crate::judge::Reason::new(kind, "lacking")];
            let text = shown(&report, Look::PLAIN);
            assert!(text.contains(&format!("to do         {advice}")), "{text}");
        }
    }

    #[test]
    fn ended_sessions_that_served_their_own_users_are_told_as_such() {
        let mut report = all()["exposed"].clone();
        let mut own = report.findings[0].clone();
        own.rule = "session-outlived".into();
        own.kind = crate::judge::ExposureKind::Session;
        report.findings = ["alice", "bob", "carol"]
            .map(|user| Finding {
                id: user.into(),
                viewer: user.into(),
                victim: user.into(),
                times_seen: 2,
                ..own.clone()
            })
            .into();
        report.findings_total = 3;
        report.counts.exchanges = 0;
        report.counts.attachments = 0;
        report.counts.writes = 0;
        let text = shown(&report, Look::PLAIN);
        assert!(
            text.contains("\n  3 users were still served by sessions that had ended  delete"),
            "{text}"
        );
        assert!(
            text.contains("in all        6 exchanges were served by a session that had ended\n"),
            "{text}"
        );
        assert!(
            !text.contains("pair ") && !text.contains("somebody else"),
            "{text}"
        );
    }

    #[test]
    fn a_clean_run_says_what_it_is_worth() {
        let text = shown(&all()["isolated"], Look::PLAIN);
        assert!(
            text.starts_with("ISOLATED  notes on http://127.0.0.1:8080: no user received"),
            "{text}"
        );
        assert!(
            text.contains(
                "1,900 overlapping pairs of different owners in 20 volleys (1,400 by the server's"
            ),
            "{text}"
        );
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(
            words.join(" ").contains("p < 0.16 % with 95 % confidence"),
            "{text}"
        );
        assert!(!text.contains("expected"), "{text}");
    }

    #[test]
    fn pairs_say_whose_clock_they_are_known_by() {
        for (by_server, says) in [
            (1_900, "in 20 volleys (by the server's clock); if"),
            (0, "in 20 volleys (as the client saw it); if"),
        ] {
            let mut judgement = isolated();
            judgement.strength.pairs_by_server = by_server;
            let text = shown(&report(&judgement), Look::PLAIN);
            let words: Vec<&str> = text.split_whitespace().collect();
            assert!(words.join(" ").contains(says), "{text}");
        }
    }

    #[test]
    fn an_inconclusive_run_says_what_is_missing_and_what_to_do() {
        let text = shown(&all()["inconclusive"], Look::PLAIN);
        let expected = "\
INCONCLUSIVE  notes on http://127.0.0.1:8080: nothing found, but the run is worth too little for a verdict

  lacking       the run was interrupted
                0 pairs overlapped; 100 are needed
  to do         more rounds (--rounds), more users (--users), or another release (--strategy)
  strength      12 exchanges, 0 overlapping pairs of different owners: no race could have shown
  ended         interrupted after 90.0 ms; what was recorded until then counts
  run           3 users, 1 round, 90.0 ms, seed 42
  again         crosswire run ./notes.toml --seed 42
  expected      isolated, so this is not as expected
";
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        for report in all().values() {
            let coloured = shown(report, Look { colour: true });
            assert!(coloured.contains("\u{1b}[1;3"), "{coloured}");
            let mut plain = String::new();
            let mut rest = coloured.as_str();
            while let Some((before, after)) = rest.split_once("\u{1b}[") {
                plain.push_str(before);
                rest = after.split_once('m').unwrap().1;
            }
            plain.push_str(rest);
            assert_eq!(plain, shown(report, Look::PLAIN));
        }
    }

    #[test]
    fn many_findings_are_grouped_and_lines_stay_short() {
        let mut judgement = exposed();
        let one = judgement.exposures[0].clone();
        judgement.exposures = (0..40)
            .map(|n| crate::judge::Exposure {
                id: format!("{n:08x}"),
                ..one.clone()
            })
            .collect();
        judgement.exposures_total = 40;
        let text = shown(&report(&judgement), Look::PLAIN);
        assert!(text.contains("40 pairs    120×"), "{text}");
        assert!(!text.contains("more"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
    }
}
