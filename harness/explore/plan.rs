//! What is explored, and with which chance.

use crate::identity::Salt;
use crate::scenario::Scenario;

/// What to explore.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// Users, steps, settings, limits.
    pub scenario: &'a Scenario,
    /// How reports name the target: `mail/shared-note`, or its URL.
    pub target_name: String,
    /// Scheme, host and port, optionally a path that is put before every step's path. In process it only says what requests
    /// name as their host: nothing is looked up.
    pub base_url: String,
    /// Decides what templates draw, and which schedules are drawn by chance.
    pub seed: u64,
    /// Salt of the canaries.
    pub salt: Salt,
}
