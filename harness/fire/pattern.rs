//! Who sends what in the volleys of a round. Each pattern is one entry of a list.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::scenario::{Pattern, Scenario, Step};

/// What one user does in a volley.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    /// Index of the user.
    pub(crate) user: usize,
    pub(crate) step: &'a Step,
    /// What the same user sends at the same instant on another connection.
    pub(crate) companion: Option<&'a Step>,
    /// Whether the request is broken off before its answer, and the others wait for that.
    pub(crate) breaks_off: bool,
}

/// Chooses the step of the member at `place` of its group.
type Choice = for<'a> fn(&mut Draw<'a, '_>, place: usize, user: usize) -> &'a Step;

/// A pattern. The list is [`RULES`].
struct Rule {
    name: Pattern,
    choose: Choice,
    /// Whether every second member of a group breaks its request off.
    breaks_off: bool,
}

const RULES: [Rule; 4] = [
    Rule {
        name: Pattern::Same,
        choose: in_turn,
        breaks_off: false,
    },
    Rule {
        name: Pattern::Mixed,
        choose: mixed,
        breaks_off: false,
    },
    Rule {
        name: Pattern::Rotated,
        choose: rotated,
        breaks_off: false,
    },
    Rule {
        name: Pattern::AbortThenAsk,
        choose: in_turn,
        breaks_off: true,
    },
];

/// What the choices of a round go by.
struct Draw<'a, 'r> {
    /// The steps that are fired on their own.
    steps: Vec<&'a Step>,
    turn: usize,
    round: usize,
    rng: &'r mut StdRng,
    /// The users that have drawn, in this round, a step that takes something away.
    removed: Vec<bool>,
}

/// The volleys of the round with this number, in order, each with what its users do: every step, or as many draws, for
/// every group. With `arrivals` all users are one group.
pub(super) fn round<'a>(
    scenario: &'a Scenario,
    users: usize,
    arrivals: bool,
    number: u32,
    rng: &mut StdRng,
) -> Vec<Vec<Part<'a>>> {
    let wanted = scenario.fire.pattern;
    let rule = RULES.iter().find(|rule| rule.name == wanted);
    let rule = rule.unwrap_or(&RULES[0]);
    // Other neighbours in every round.
    let mut order: Vec<usize> = (0..users).collect();
    order.shuffle(rng);
    let group = if arrivals {
        users
    } else {
        scenario.fire.group as usize
    };
    let groups = users.div_ceil(group.max(1)).max(1);
    let own = scenario.volley.iter().filter(|step| !step.companion);
    let mut draw = Draw {
        steps: own.collect(),
        turn: 0,
        round: number as usize,
        rng,
        removed: vec![false; users],
    };
    let mut volleys = Vec::with_capacity(draw.steps.len() * groups);
    for turn in 0..draw.steps.len() {
        draw.turn = turn;
        for part in 0..groups {
            // Groups of even size: a last group of one would overlap with nobody.
            let members = &order[part * users / groups..(part + 1) * users / groups];
            volleys.push(volley(scenario, rule, &mut draw, members));
        }
    }
    volleys
}

fn volley<'a>(
    scenario: &'a Scenario,
    rule: &Rule,
    draw: &mut Draw<'a, '_>,
    members: &[usize],
) -> Vec<Part<'a>> {
    let turns = draw.turn + draw.round;
    let part = |(place, user): (usize, &usize)| {
        let step = (rule.choose)(draw, place, *user);
        let companion = step.with.filter(|with| *with != step.index);
        Part {
            user: *user,
            step,
            companion: companion
                .and_then(|with| scenario.volley.iter().find(|other| other.index == with)),
            // Who breaks off asks the next time. Somebody must be left to ask.
            breaks_off: rule.breaks_off && members.len() > 1 && (place + turns) % 2 == 1,
        }
    };
    members.iter().enumerate().map(part).collect()
}

/// The same step for all.
fn in_turn<'a>(draw: &mut Draw<'a, '_>, _: usize, _: usize) -> &'a Step {
    draw.steps[draw.turn]
}

/// Another step for each member; in the course of a round, every step for all.
fn rotated<'a>(draw: &mut Draw<'a, '_>, place: usize, _: usize) -> &'a Step {
    draw.steps[(draw.turn + place) % draw.steps.len()]
}

/// One of the steps, by chance. What can be taken away only once a round is drawn once.
fn mixed<'a>(draw: &mut Draw<'a, '_>, _: usize, user: usize) -> &'a Step {
    let step = draw.steps[draw.rng.random_range(0..draw.steps.len())];
    if step.removes.is_empty() || !std::mem::replace(&mut draw.removed[user], true) {
        return step;
    }
    let harmless = draw.steps.iter().filter(|step| step.removes.is_empty());
    let harmless: Vec<&Step> = harmless.copied().collect();
    if harmless.is_empty() {
        return step;
    }
    harmless[draw.rng.random_range(0..harmless.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;

    use super::*;

    fn scenario(pattern: Pattern, group: u32) -> Scenario {
        let text = r#"version = 1
target = { url = "http://127.0.0.1:1" }
users = { count = 6, name = "u{{ index }}" }
[[volley]]
name = "a"
path = "/a"
[[volley]]
name = "b"
path = "/b"
[[volley]]
name = "c"
path = "/c"
"#;
        let mut scenario = Scenario::parse("patterns", text).expect("it parses");
        (scenario.fire.pattern, scenario.fire.group) = (pattern, group);
        scenario
    }

    fn volleys(scenario: &Scenario) -> Vec<Vec<Part<'_>>> {
        round(scenario, 6, false, 1, &mut StdRng::seed_from_u64(5))
    }

    fn names<'a>(volley: &[Part<'a>]) -> Vec<&'a str> {
        volley.iter().map(|part| part.step.name.as_str()).collect()
    }

    #[test]
    fn every_pattern_is_in_the_list() {
        for name in Pattern::ALL {
            assert!(RULES.iter().any(|rule| rule.name == *name), "{name}");
        }
    }

    #[test]
    fn the_same_step_for_all_each_in_its_turn() {
        let scenario = scenario(Pattern::Same, 3);
        let volleys = volleys(&scenario);
        assert_eq!(volleys.len(), 6, "three steps, two groups");
        assert_eq!(names(&volleys[0]), ["a"; 3]);
        assert_eq!(names(&volleys[5]), ["c"; 3]);
        let users = volleys[..2].iter().flatten().map(|part| part.user);
        let users: BTreeSet<usize> = users.collect();
        assert_eq!(users.len(), 6, "everybody once a turn");
    }

    #[test]
    fn rotated_steps_differ_within_a_volley_and_all_are_sent_by_all() {
        let scenario = scenario(Pattern::Rotated, 3);
        let volleys = volleys(&scenario);
        assert_eq!(names(&volleys[0]), ["a", "b", "c"]);
        assert_eq!(names(&volleys[2]), ["b", "c", "a"]);
        let sent: BTreeSet<(usize, &str)> = volleys
            .iter()
            .flatten()
            .map(|part| (part.user, part.step.name.as_str()))
            .collect();
        assert_eq!(sent.len(), 18, "six users, three steps");
    }

    #[test]
    fn every_second_one_breaks_off_unless_it_is_alone() {
        let mut scenario = scenario(Pattern::AbortThenAsk, 6);
        let broken = |volley: &[Part<'_>]| -> Vec<bool> {
            volley.iter().map(|part| part.breaks_off).collect()
        };
        assert_eq!(
            broken(&volleys(&scenario)[0]),
            [true, false, true, false, true, false]
        );
        assert_eq!(
            broken(&volleys(&scenario)[1]),
            [false, true, false, true, false, true],
            "who broke off asks the next time"
        );
        let mut rng = StdRng::seed_from_u64(5);
        let next = round(&scenario, 6, false, 2, &mut rng);
        assert!(!next[0][0].breaks_off, "in the next round as well");
        scenario.fire.group = 1;
        assert_eq!(broken(&volleys(&scenario)[0]), [false]);
    }

    #[test]
    fn a_companion_is_fired_with_its_step_and_never_on_its_own() {
        let mut scenario = scenario(Pattern::Same, 6);
        let index = scenario.volley[2].index;
        scenario.volley[0].with = Some(index);
        scenario.volley[2].companion = true;
        let volleys = volleys(&scenario);
        assert_eq!(volleys.len(), 2);
        let beside = volleys[0][0].companion.expect("a companion");
        assert_eq!(beside.name, "c");
        assert!(volleys[1].iter().all(|part| part.companion.is_none()));
    }
}
