//! Which requests are explored together.

use crate::history::{Move, Raced};
use crate::identity::UserId;
use crate::scenario::{ExploreSettings, Scenario, Step};

/// The sets of requests that the scenario's settings name, or else, for its first two users, every pair of raced steps, a
/// step with itself included. The place in a set is that of [`Move::Request`].
///
/// # Errors
/// A sentence for people that says what to change: when the scenario races nothing that can be explored, when a named step is
/// none of its raced steps, when a set needs more users than there are, or when there are too many sets.
pub fn races(scenario: &Scenario) -> Result<Vec<Vec<Raced>>, String> {
    if scenario.volley.is_empty() {
        return Err(
            "the scenario races no step: schedules are explored of its [[volley]] steps, add one"
                .to_owned(),
        );
    }
    let races = if scenario.explore.races.is_empty() {
        pairs(scenario)?
    } else {
        let named = &scenario.explore.races;
        if let Some(twice) = named
            .iter()
            .enumerate()
            .find_map(|(at, names)| named[..at].contains(names).then_some(names))
        {
            let shown = twice.join(", ");
            return Err(format!(
                "the race `{shown}` is named twice: once explores all its schedules"
            ));
        }
        named
            .iter()
            .map(|names| named_race(scenario, names))
            .collect::<Result<_, _>>()?
    };
    if races.len() > ExploreSettings::RACES {
        return Err(format!(
            "{} sets of requests are more than {}: name those to be explored as races in [explore]",
            races.len(),
            ExploreSettings::RACES,
        ));
    }
    Ok(races)
}

/// Every set of requests that a replay line may be of: those that are explored, and every pair.
pub(super) fn any_race(scenario: &Scenario) -> Result<Vec<Vec<Raced>>, String> {
    let mut any = races(scenario)?;
    if !scenario.explore.races.is_empty() {
        any.extend(pairs(scenario).unwrap_or_default());
    }
    Ok(any)
}

/// What of the scenario's raced steps no pair is made of, a sentence each; nothing when races are named.
#[must_use]
pub fn left_out(scenario: &Scenario) -> Vec<String> {
    if !scenario.explore.races.is_empty() {
        return Vec::new();
    }
    let whys = scenario
        .volley
        .iter()
        .filter_map(|step| Some((step, why_not(step)?)));
    whys.map(|(step, why)| format!("step `{}` was not explored: {why}", step.name))
        .collect()
}

/// The requests for people: `alice read, bob read`.
#[must_use]
pub fn in_words(scenario: &Scenario, raced: &[Raced]) -> String {
    let words: Vec<String> = raced
        .iter()
        .map(|request| {
            let user = scenario.users.list().get(request.user.0 as usize);
            let step = scenario.steps().find(|step| step.index == request.step);
            let user = user.map_or("?", |user| user.name.as_str());
            format!("{user} {}", step.map_or("?", |step| step.name.as_str()))
        })
        .collect();
    words.join(", ")
}

fn pairs(scenario: &Scenario) -> Result<Vec<Vec<Raced>>, String> {
    enough_users(scenario, 2, "a pair of requests")?;
    let steps: Vec<&Step> = scenario
        .volley
        .iter()
        .filter(|step| why_not(step).is_none())
        .collect();
    let mut races = Vec::new();
    for (place, first) in steps.iter().enumerate() {
        for second in &steps[place..] {
            races.push(vec![raced(0, first), raced(1, second)]);
        }
    }
    if races.is_empty() {
        return Err(format!(
            "no raced step of the scenario can be explored: {}",
            left_out(scenario).join("; ")
        ));
    }
    Ok(races)
}

fn named_race(scenario: &Scenario, names: &[String]) -> Result<Vec<Raced>, String> {
    let shown = names.join(", ");
    if names.len() < 2 {
        return Err(format!(
            "the race `{shown}` has fewer than two requests: name a raced step for each of two users or more, \
             separated by commas"
        ));
    }
    if names.len() > Move::REQUESTS {
        return Err(format!(
            "the race `{shown}` has {} requests, at most {} can be explored together",
            names.len(),
            Move::REQUESTS
        ));
    }
    enough_users(scenario, names.len(), &format!("the race `{shown}`"))?;
    let requests = names.iter().enumerate().map(|(user, name)| {
        let step = scenario.volley.iter().find(|step| step.name == *name);
        let step = step.ok_or_else(|| unknown(scenario, name))?;
        match why_not(step) {
            Some(why) => Err(format!("step `{name}` cannot be explored: {why}")),
            None => Ok(raced(user, step)),
        }
    });
    requests.collect()
}

fn raced(user: usize, step: &Step) -> Raced {
    Raced {
        user: UserId(user as u32),
        step: step.index,
    }
}

fn enough_users(scenario: &Scenario, needed: usize, what: &str) -> Result<(), String> {
    let users = scenario.users.list().len();
    if users >= needed {
        return Ok(());
    }
    Err(format!(
        "{what} needs {needed} users, each request another one's, and the scenario has {users}: raise `count` in [users]"
    ))
}

fn unknown(scenario: &Scenario, name: &str) -> String {
    let raced: Vec<&str> = scenario
        .volley
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    let is_elsewhere = scenario.steps().any(|step| step.name == name);
    let why = if is_elsewhere {
        "is not raced"
    } else {
        "does not exist"
    };
    format!(
        "step `{}` {why}: a race names [[volley]] steps, which are {}",
        name.escape_debug(),
        raced.join(", ")
    )
}

/// Why a step's request cannot be taken step by step.
fn why_not(step: &Step) -> Option<&'static str> {
    let faults = &step.faults;
    if step.companion || step.with.is_some() {
        Some(
            "it is sent together with another request of the same user, and an explored user has one request",
        )
    } else if step.anonymous {
        Some("it is sent without a session, so that it is no user's request")
    } else if faults.malformed.is_some() {
        Some("it is malformed on purpose")
    } else if faults.breaks_off() {
        Some(
            "it breaks itself off; `cancel` in [explore] lets clients go away at every point instead",
        )
    } else if !faults.is_none() {
        Some(
            "its own pace or form on the connection is part of it, and an exploration decides that itself",
        )
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(users: u32, volley: &str, races: &[&[&str]]) -> Scenario {
        let text = format!(
            "version = 1\n[target]\nurl = \"http://127.0.0.1:1\"\n[users]\ncount = {users}\nname = \"u{{{{ index }}}}\"\n\
             [[setup]]\nname = \"login\"\npath = \"/\"\n{volley}"
        );
        let mut scenario = Scenario::parse("x", &text).unwrap();
        let owned = |names: &&[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        scenario.explore.races = races.iter().map(owned).collect();
        scenario
    }

    fn steps(lines: &[(&str, &str)]) -> String {
        let step = |(name, more): &(&str, &str)| {
            format!("[[volley]]\nname = \"{name}\"\npath = \"/\"\n{more}\n")
        };
        lines.iter().map(step).collect()
    }

    fn words(scenario: &Scenario) -> Vec<String> {
        let races = races(scenario).unwrap();
        races
            .iter()
            .map(|raced| in_words(scenario, raced))
            .collect()
    }

    #[test]
    fn every_pair_of_raced_steps_when_none_is_named() {
        let two = steps(&[("read", ""), ("write", "")]);
        assert_eq!(
            words(&scenario(5, &two, &[])),
            [
                "u1 read, u2 read",
                "u1 read, u2 write",
                "u1 write, u2 write"
            ]
        );
    }

    #[test]
    fn a_named_race_has_a_user_for_each_request() {
        let two = steps(&[("read", ""), ("write", "")]);
        let races: &[&[&str]] = &[&["write", "read", "write"], &["read", "write"]];
        assert_eq!(
            words(&scenario(3, &two, races)),
            ["u1 write, u2 read, u3 write", "u1 read, u2 write"]
        );
    }

    #[test]
    fn steps_that_cannot_be_explored_are_left_out_and_named() {
        let some = steps(&[
            ("read", ""),
            ("nobody", "anonymous = true"),
            ("broken", "timeout-ms = 5"),
        ]);
        let scenario = scenario(2, &some, &[]);
        assert_eq!(words(&scenario), ["u1 read, u2 read"]);
        let notes = left_out(&scenario);
        assert_eq!(notes.len(), 2);
        assert!(notes[0].starts_with("step `nobody` was not explored: it is sent without"));
        assert!(notes[1].starts_with("step `broken` was not explored: it breaks itself off"));
    }

    #[test]
    fn what_cannot_be_explored_is_explained() {
        let read = steps(&[("read", ""), ("nobody", "anonymous = true")]);
        let nine: &[&str] = &["read"; 9];
        let cases: [(u32, &[&str], &str); 6] = [
            (
                2,
                &["read", "raed"],
                "step `raed` does not exist: a race names [[volley]] steps, which are read, nobody",
            ),
            (2, &["read", "login"], "step `login` is not raced"),
            (
                2,
                &["read", "read", "read"],
                "the race `read, read, read` needs 3 users",
            ),
            (2, &["read"], "fewer than two requests"),
            (
                2,
                &["read", "nobody"],
                "step `nobody` cannot be explored: it is sent without a session",
            ),
            (9, nine, "has 9 requests, at most 8"),
        ];
        for (users, race, why) in cases {
            let error = races(&scenario(users, &read, &[race])).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let twice = [&["read", "read"][..], &["read", "read"]];
        let error = races(&scenario(2, &read, &twice)).unwrap_err();
        assert!(
            error.starts_with("the race `read, read` is named twice"),
            "{error}"
        );
        let error = races(&scenario(1, &read, &[])).unwrap_err();
        assert!(
            error.contains("needs 2 users") && error.contains("has 1"),
            "{error}"
        );
        let nobody = steps(&[("nobody", "anonymous = true")]);
        let error = races(&scenario(2, &nobody, &[])).unwrap_err();
        assert!(
            error.starts_with("no raced step of the scenario can be explored"),
            "{error}"
        );
        let many: Vec<String> = (0..14).map(|step| format!("s{step}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
        let error = races(&scenario(2, &steps(&many), &[])).unwrap_err();
        assert!(
            error.starts_with("105 sets of requests are more than 100"),
            "{error}"
        );
    }
}
