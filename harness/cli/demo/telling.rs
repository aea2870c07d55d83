//! The words of the demo: what stands before and after each act, and the summary.

use std::fmt::Write as _;
use std::time::Duration;

use crosswire::history::Ending;
use crosswire::judge::{ExposureKind, Verdict};
use crosswire::report::words::{self, count, number};
use crosswire::report::{Finding, Look, Report, telling};

use super::Played;
use super::acts::{Act, Tells};

/// Columns of the prose.
const WIDTH: usize = 92;
/// Exposures that act 3 tells in full.
const IN_FULL: usize = 3;

/// What stands before everything.
pub(super) fn opening(seed: u64, look: Look) -> String {
    let mut page = Page::new();
    let _ = writeln!(
        page.0,
        "{}\n",
        look.strong("The webmail accident of 22 July 2008")
    );
    page.prose(
        "A real webmail runs on this machine, with a database, log-in, mailboxes and attachments. Its users log in over \
         TCP connections of their own and put texts into their mailboxes that occur nowhere else. Whoever receives \
         somebody else's has been shown somebody else's mail. Nothing is simulated, and no pause was put in to make it \
         happen.",
    );
    let _ = writeln!(page.0, "  {}", look.faint(&format!("seed {seed}")));
    page.0
}

/// What stands before an act.
pub(super) fn before(act_number: u32, act: &Act, look: Look) -> String {
    let mut page = Page::new();
    let date = if act.date.is_empty() {
        String::new()
    } else {
        format!(" ({})", act.date)
    };
    let _ = writeln!(
        page.0,
        "\n{}{}\n",
        look.strong(&format!("Act {act_number}: {}", act.title)),
        look.faint(&date)
    );
    page.prose(act.before);
    page.0
}

/// What stands after an act.
pub(super) fn after(played: &Played, look: Look) -> String {
    let report = &played.report;
    let mut page = Page::new();
    let _ = writeln!(
        page.0,
        "  {}  {}\n",
        look.verdict(report.verdict),
        did(report)
    );
    match played.act.tells {
        Tells::HowLittle => how_little(&mut page, report),
        Tells::AsItWas => as_it_was(&mut page, report),
        Tells::Everything => everything(&mut page, report, look),
        Tells::Still => still(&mut page, report),
        Tells::Worth => worth(&mut page, report),
    }
    page.0
}

/// Why a run ended early.
pub(super) fn ended(report: &Report) -> String {
    match &report.ending {
        Some(Ending::Failed { why, .. }) => why.clone(),
        Some(Ending::Interrupted) => "interrupted".to_owned(),
        Some(Ending::Limit { limit }) => format!("limit reached: {limit}"),
        Some(Ending::Completed) | None => "no reason is known".to_owned(),
    }
}

/// What the act did, in one line.
fn did(report: &Report) -> String {
    let strength = &report.strength;
    format!(
        "{}, {}, {} of different owners, {}",
        count(report.users, "user"),
        count(strength.exchanges, "request"),
        count(strength.overlapping_pairs, "overlapping pair"),
        words::time(Duration::from_nanos(report.elapsed_ns)),
    )
}

fn how_little(page: &mut Page, report: &Report) {
    page.prose(&format!(
        "Nothing was found in {}. Nothing could have been: no two requests of different users were ever under way at the same \
         time. As evidence against a race this run is worth nothing, so crosswire does not call it clean.",
        count(report.strength.exchanges, "request")
    ));
}

fn as_it_was(page: &mut Page, report: &Report) {
    if report.verdict == Verdict::Exposed {
        page.prose(&format!(
            "{} of different users overlapped by chance, and this time that was enough: {}. In 2008 the \
             day with employees found nothing.",
            count(report.strength.overlapping_pairs, "pair"),
            reach(report)
        ));
        return;
    }
    let bound = report.strength.upper_bound_95.map(|p| {
        format!(
            " If one overlapping pair crosses with probability p, this run only says that p < {}.",
            words::percent(p)
        )
    });
    page.prose(&format!(
        "Nothing was found, as in 2008. {} of different users overlapped by chance.{}",
        count(report.strength.overlapping_pairs, "pair"),
        bound.unwrap_or_default()
    ));
}

fn everything(page: &mut Page, report: &Report, look: Look) {
    let counts = &report.counts;
    page.row(
        "viewers",
        &format!("{}, somebody else's mail", shown(counts.viewers)),
    );
    page.row(
        "victims",
        &format!(
            "{} had their mail shown or changed",
            count(counts.victims, "user")
        ),
    );
    page.row(
        "attachments",
        &format!("{} downloaded by somebody else", number(counts.attachments)),
    );
    page.row(
        "writes",
        &format!(
            "{} deleted or changed by the wrong person",
            count(counts.writes, "item")
        ),
    );
    page.blank();
    page.prose(
        "In 2008 the mail of at most 307 users was exposed, and the attachments of at most 141 were downloaded by somebody \
         else. Users reported it at 15:25; at 16:10 the service was closed.",
    );
    for (n, finding) in (1..).zip(in_full(report)) {
        let _ = writeln!(
            page.0,
            "  {}",
            look.strong(&format!("{n}. {}", telling::headline(finding)))
        );
        for sentence in telling::sentences(finding) {
            page.indented(&sentence);
        }
        page.blank();
    }
    if counts.ordered > 0 {
        page.prose(&format!(
            "In {} of {} whose order the server told, the viewer's request had written the memo first and the victim's \
             had replaced it. So it is the earlier one who sees, and the later one who is seen. The later one gets the \
             right page and notices nothing.",
            number(counts.viewer_earlier),
            count(counts.ordered, "crossing")
        ));
    }
}

fn still(page: &mut Page, report: &Report) {
    page.prose(&format!(
        "Still exposed: {}. Nothing mixes within the memo any more, but between a request's write and its read anybody \
         may write. Each access is safe; the request is not.",
        reach(report)
    ));
}

fn worth(page: &mut Page, report: &Report) {
    let bound = report.strength.upper_bound_95.map_or_else(String::new, |p| {
        format!(
            " If one such pair crosses with probability p, then p < {} with 95 % confidence. That is not a proof: it is \
             what this run is worth.",
            words::percent(p)
        )
    });
    page.prose(&format!(
        "{} of different users' requests were under way together, each user received their own data throughout, and \
         nobody received anybody else's.{bound}",
        count(report.strength.overlapping_pairs, "pair")
    ));
}

/// Who was affected, for the middle of a sentence.
fn reach(report: &Report) -> String {
    format!(
        "{}, the mail of {}",
        shown(report.counts.viewers),
        count(report.counts.victims, "other")
    )
}

/// So many users to whom it happened.
fn shown(viewers: u64) -> String {
    format!(
        "{} {} shown, or acted on",
        count(viewers, "user"),
        if viewers == 1 { "was" } else { "were" }
    )
}

/// The exposures that are told in full: one read, one write, and one attachment when there are such; those whose order the
/// server tells before others.
fn in_full(report: &Report) -> Vec<&Finding> {
    let told = |finding: &&Finding| {
        finding.viewer_side.order.is_some()
            && finding
                .victim_side
                .as_ref()
                .is_some_and(|side| side.order.is_some())
    };
    let mut chosen: Vec<&Finding> = Vec::new();
    let candidates = report
        .findings
        .iter()
        .filter(told)
        .chain(report.findings.iter().filter(|f| !told(f)));
    let candidates: Vec<&Finding> = candidates.collect();
    // First one of each kind and slot, then whatever comes next.
    for distinct in [true, false] {
        for &finding in &candidates {
            let alike = |other: &&Finding| {
                std::ptr::eq(*other, finding)
                    || distinct && (other.kind, &other.slot) == (finding.kind, &finding.slot)
            };
            if chosen.len() < IN_FULL && !chosen.iter().any(alike) {
                chosen.push(finding);
            }
        }
    }
    chosen.sort_by_key(|finding| finding.kind == ExposureKind::Write);
    chosen
}

/// The summary of all acts.
pub(super) fn closing(played: &[Played], took: Duration, look: Look) -> String {
    let mut page = Page::new();
    let _ = writeln!(
        page.0,
        "\n{}\n",
        look.strong("What the same service showed, depending on how it was asked")
    );
    let title = played
        .iter()
        .map(|one| one.act.title.len())
        .max()
        .unwrap_or(0);
    let heading = format!(
        "    {:title$}  {:16}  {:12}  {:>9}  {:>7}  {:>7}",
        "", "variant", "verdict", "pairs", "viewers", "victims"
    );
    let _ = writeln!(page.0, "{}", look.faint(&heading));
    for (n, one) in (1..).zip(played) {
        let report = &one.report;
        let verdict = look.verdict(report.verdict);
        let pad = " ".repeat(12usize.saturating_sub(report.verdict.to_string().len()));
        let _ = writeln!(
            page.0,
            "  {n} {:title$}  {:16}  {verdict}{pad}  {:>9}  {:>7}  {:>7}",
            one.act.title,
            one.act.variant.trim_start_matches("mail/"),
            number(report.strength.overlapping_pairs),
            number(report.counts.viewers),
            number(report.counts.victims),
        );
    }
    page.blank();
    page.row("took", &words::time(took));
    page.row(
        "by hand",
        "crosswire serve mail/shared-note --store-delay 2s, then two browsers",
    );
    page.row(
        "your own",
        "crosswire run SCENARIO.toml --url http://127.0.0.1:8080",
    );
    page.0
}

/// Text under construction.
struct Page(String);

impl Page {
    fn new() -> Page {
        Page(String::new())
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    fn prose(&mut self, text: &str) {
        for line in words::wrapped(text, WIDTH) {
            let _ = writeln!(self.0, "  {line}");
        }
        self.blank();
    }

    fn indented(&mut self, text: &str) {
        for line in words::wrapped(text, WIDTH - 3) {
            let _ = writeln!(self.0, "     {line}");
        }
    }

    fn row(&mut self, label: &str, text: &str) {
        let _ = writeln!(self.0, "  {label:13}{text}");
    }
}
