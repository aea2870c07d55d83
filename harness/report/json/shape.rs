//! What the JSON report is made of: structs of its own, so that a change inside crosswire never changes what programs read.
//!
//! Fields are only added. One that was not there from the first has a default, so that older reports can be read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::day::JsonDay;
use super::exploration::{JsonExploration, JsonReach, JsonShownBy};

/// A crosswire report.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "crosswire report")]
pub struct JsonReport {
    /// Version of this format; it changes when a field is removed or changes its meaning.
    pub schema_version: u32,
    /// Version of crosswire that recorded the run.
    pub crosswire_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The scenario's file as it was given; null for a shipped scenario, and when it is not known.
    #[serde(default)]
    pub scenario_path: Option<String>,
    /// The steps of the scenario.
    #[serde(default)]
    pub steps: Vec<JsonStep>,
    /// What was tested.
    pub target: JsonTarget,
    /// Engine that ran.
    pub engine: String,
    /// Seed of everything chosen by chance; over a network it does not decide the service's own schedule.
    pub seed: u64,
    /// Users that took part.
    pub users: u64,
    /// The verdict.
    pub verdict: JsonVerdict,
    /// Why the verdict is what it is.
    pub reasons: Vec<String>,
    /// What kind of thing each of the reasons is, in their order: `history`, `interrupted`, `failed`, `nothing`, `log-in`,
    /// `control`, `overlaps`, `refusals`, `unsearched`, `out-of-step`, `planted-exposures`, `learning`, `schedules`,
    /// `points`, `unrepeatable`; there may be more.
    #[serde(default)]
    pub reason_kinds: Vec<String>,
    /// The verdict that counts as success.
    pub expected: JsonVerdict,
    /// Whether the two are the same.
    pub as_expected: bool,
    /// How the run ended; null when its history breaks off.
    pub ending: Option<JsonEnding>,
    /// Length of the run, nanoseconds; 0 when it is not known.
    #[serde(default)]
    pub elapsed_ns: u64,
    /// What a clean result is worth.
    pub strength: JsonStrength,
    /// The exposures that are told, the most telling one first.
    pub exposures: Vec<JsonExposure>,
    /// How many exposures there are, those that are not told included.
    pub exposures_total: u64,
    /// The rules that found them.
    #[serde(default)]
    pub rules: Vec<JsonRule>,
    /// Sums over all exposures.
    pub counts: JsonCounts,
    /// How tightly the volleys of the strategy that was used most arrived; null without volleys.
    pub spread: Option<JsonSpread>,
    /// The same for every strategy that was used.
    pub spreads: Vec<JsonSpread>,
    /// What the run had to reach besides its verdict.
    #[serde(default)]
    pub thresholds: Vec<JsonThreshold>,
    /// The volleys one by one; of a long run an even selection.
    #[serde(default)]
    pub volleys: Vec<JsonVolley>,
    /// The explorations of schedules, one for each set of requests; left out when there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explored: Vec<JsonExploration>,
    /// The day that was replayed; left out when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<JsonDay>,
    /// The command that runs the same again; null when it is not known.
    pub replay: Option<String>,
    /// The file this report was written to, as it was named then; null when it is not known.
    #[serde(default)]
    pub stored_as: Option<String>,
}

/// A step of the scenario.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Step")]
pub struct JsonStep {
    /// Its name.
    pub name: String,
    /// Line of the scenario's file on which it begins, from 1; 0 when it is not known.
    pub line: u64,
}

/// A rule of the judge.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Rule")]
pub struct JsonRule {
    /// Stable name; `crosswire explain NAME` tells more.
    pub id: String,
    /// What an exposure of this rule is, in a few words.
    pub title: String,
    /// What it is evidence for, and where to look for the cause.
    pub help: String,
}

/// What was tested.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Target")]
pub struct JsonTarget {
    /// As the user names it.
    pub name: String,
    /// Where the requests went.
    pub url: String,
}

/// A verdict.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Verdict")]
#[serde(rename_all = "lowercase")]
pub enum JsonVerdict {
    /// At least one exposure.
    Exposed,
    /// None, in a run that is worth something.
    Isolated,
    /// None, but the run is worth too little.
    Inconclusive,
}

/// How a run ended.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Ending")]
pub struct JsonEnding {
    /// `completed`, `limit`, `interrupted` or `failed`.
    pub how: String,
    /// The limit that was reached, or what went wrong.
    pub why: Option<String>,
    /// What kind of thing went wrong: `unreachable`, `log-in` or `step`; null unless the run failed.
    #[serde(default)]
    pub cause: Option<String>,
    /// Length of the run, milliseconds.
    pub elapsed_ms: u64,
}

/// What a clean result is worth.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Strength")]
pub struct JsonStrength {
    /// Rounds that were finished.
    pub rounds: u64,
    /// Requests with their answers.
    pub exchanges: u64,
    /// Volleys fired.
    pub volleys: u64,
    /// Pairs of requests of different owners that were under way at the same time.
    pub overlapping_pairs: u64,
    /// Overlapping pairs below which a clean run is inconclusive.
    #[serde(default)]
    pub min_overlaps: u64,
    /// Those of the pairs that are known by the service's own clock; the rest are as the client saw them, an estimate.
    pub pairs_by_server: u64,
    /// Crossings inside volleys, at most as many as there are pairs.
    pub exposing_pairs: u64,
    /// Upper bound, at 95 % confidence, of the probability that one overlapping pair crosses; null when nothing overlapped.
    pub upper_bound_95: Option<f64>,
    /// How far explorations of schedules went; left out when there were none. What holds then holds for schedules, and
    /// nothing is said of pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<JsonReach>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

/// A viewer got, or acted on, a victim's data.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Exposure")]
pub struct JsonExposure {
    /// Stable across runs of the same scenario with the same users.
    pub id: String,
    /// Id of the rule that found it.
    pub rule: String,
    /// What crossed over.
    pub kind: JsonKind,
    /// Name of the user who received or acted.
    pub viewer: String,
    /// Name of the user whose data it was.
    pub victim: String,
    /// Method and path of the viewer's request.
    pub request: String,
    /// Status of the viewer's answer; null when none came.
    pub status: Option<u16>,
    /// Name of the scenario's step.
    pub step: String,
    /// Line of the scenario's file on which the step begins, from 1; 0 when it is not known.
    #[serde(default)]
    pub line: u64,
    /// Name of the slot whose canary crossed; null for rules without one.
    pub slot: Option<String>,
    /// Where in the exchange: `status line`, `header NAME`, `body`, `partial answer`, `read-back`.
    pub place: String,
    /// The canary, masked down to its checksum; of a learnt value only its length.
    pub evidence: Option<String>,
    /// Part of the run in which it was first seen.
    pub phase: JsonPhase,
    /// Round in which it was first seen; 0 before the first.
    pub round: u32,
    /// What it took to find it; null in a report of an earlier version, which did not say.
    #[serde(default)]
    pub found_in: Option<JsonFoundIn>,
    /// When the viewer's request left, seconds since the run began.
    pub at: f64,
    /// How many exchanges showed it.
    pub times_seen: u64,
    /// The victim's request that was under way at the same time; null when none is known.
    pub victim_request: Option<String>,
    /// Place of the viewer's request in the order in which requests wrote the service's memo; null unless it tells.
    pub viewer_order: Option<u64>,
    /// The same of the victim's request.
    pub victim_order: Option<u64>,
    /// The command that runs the same again, of an exploration the schedule that shows it; null when it is not known.
    pub replay: Option<String>,
    /// The command that runs this finding again by itself; null when this report was not written to a file.
    #[serde(default)]
    pub replay_finding: Option<String>,
    /// The schedule that shows it; left out unless it was found by an exploration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_by: Option<JsonShownBy>,
    /// The viewer's exchange.
    #[serde(default)]
    pub viewer_side: Option<JsonSide>,
    /// The victim's exchange that was under way at the same time; null when none is known.
    #[serde(default)]
    pub victim_side: Option<JsonSide>,
}

/// One user's exchange.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Side")]
pub struct JsonSide {
    /// Number of the exchange in the history.
    pub exchange: u64,
    /// Name of the step.
    pub step: String,
    /// Method and path.
    pub request: String,
    /// Status of the answer; null when none came.
    pub status: Option<u16>,
    /// When the request left, nanoseconds since the run began.
    pub sent_ns: u64,
    /// When it was over, nanoseconds since the run began.
    pub done_ns: u64,
    /// Arrival on the service's clock, microseconds; null unless it tells.
    pub arrived_us: Option<u64>,
    /// Place in the order in which requests wrote the service's memo; null unless it tells.
    pub order: Option<u64>,
    /// What the answer held, canaries, sessions and supplied secrets masked.
    pub answer: JsonAnswer,
}

/// What an answer held.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Answer")]
pub struct JsonAnswer {
    /// Status line and headers; empty when nothing of them was kept.
    pub head: Vec<JsonPiece>,
    /// A part of the body; empty when nothing of it was kept.
    pub body: Vec<JsonPiece>,
    /// Where in the body that part begins, bytes.
    pub body_start: u64,
    /// Length of that part before anything was masked, bytes.
    pub body_shown: u64,
    /// Length of the whole body, bytes.
    pub body_len: u64,
}

/// A piece of what an answer held.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Piece")]
pub struct JsonPiece {
    /// The text; of a canary its mask.
    pub text: String,
    /// True for a canary of the exposure's victim, and for the value that crossed.
    pub hit: bool,
    /// Of a canary or such a value: whose it is and what; null for other text.
    pub of: Option<String>,
}

/// What crossed over.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Kind")]
#[serde(rename_all = "lowercase")]
pub enum JsonKind {
    /// The viewer received the victim's data.
    Read,
    /// The viewer's request changed or removed the victim's data.
    Write,
    /// Viewer and victim were given one and the same session.
    Session,
}

/// Part of a run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Phase")]
#[serde(rename_all = "kebab-case")]
pub enum JsonPhase {
    /// Log-in and planting.
    Setup,
    /// Every user by itself.
    Solo,
    /// One user after the other.
    Sequence,
    /// Several users together.
    Volley,
    /// Every user's state read back.
    ReadBack,
    /// What the run has left behind is taken away.
    CleanUp,
}

/// What it took until an exposure was first seen. In the first three no request was to meet another one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FoundIn")]
#[serde(rename_all = "kebab-case")]
pub enum JsonFoundIn {
    /// Users logged in and prepared, one request at a time.
    SetUp,
    /// Each user acted alone.
    Alone,
    /// Users acted one after the other, or a schedule ran one request after the other.
    Sequence,
    /// Requests of one user overlapped, and no other user's were needed.
    OwnRace,
    /// Requests of several users overlapped.
    Race,
}

/// Sums over all exposures.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Counts")]
pub struct JsonCounts {
    /// Distinct users who received or acted on somebody else's data.
    pub viewers: u64,
    /// Distinct users whose data it was.
    pub victims: u64,
    /// Attachments downloaded by somebody else.
    pub attachments: u64,
    /// Items of a user that another's request changed or removed.
    pub writes: u64,
    /// Exchanges in which somebody else's canary was found.
    pub exchanges: u64,
    /// Crossings whose two requests both tell when they wrote the service's memo.
    pub ordered: u64,
    /// Those of them in which the viewer wrote before the victim.
    pub viewer_earlier: u64,
}

/// Something the run had to reach besides its verdict.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Threshold")]
pub struct JsonThreshold {
    /// Metric, comparison and bound, such as `pairs >= 1000`.
    pub threshold: String,
    /// What the run came to; null when it has no such value.
    pub value: Option<f64>,
    /// Whether the value keeps to the threshold.
    pub holds: bool,
}

/// How tightly the volleys of one strategy arrived.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Spread")]
pub struct JsonSpread {
    /// Release strategy.
    pub strategy: String,
    /// Volleys.
    pub volleys: u64,
    /// Median over volleys of the time from the first arrival to the last, microseconds.
    pub median_us: u64,
    /// 95th percentile over volleys, microseconds.
    pub p95_us: u64,
    /// `server` when the arrivals are the service's own account, `client` when they are crosswire's release times.
    pub measured_by: String,
}

/// A volley.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Volley")]
pub struct JsonVolley {
    /// Number in the run, from 1.
    pub volley: u32,
    /// Round.
    pub round: u32,
    /// Offset between neighbouring users, microseconds.
    pub offset_us: u32,
    /// Time from the first arrival to the last, microseconds.
    pub spread_us: u64,
    /// `server` when that is the service's own account, `client` when it is from crosswire's first release to its last.
    pub measured_by: String,
    /// Overlapping pairs of different owners.
    pub pairs: u64,
    /// Pairs of an exchange and a victim whose data it held.
    pub exposing: u64,
}
