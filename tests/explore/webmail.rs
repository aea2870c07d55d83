//! What two users of the bundled webmail ask for at the same time.

use std::time::Duration;

use crosswire::Step;
use crosswire::check::Exploration;
use crosswire_targets::explorable;

/// No order is left out because the machine is busy.
const HOUR: Duration = Duration::from_secs(3_600);

/// The requests of the two, by the names of their steps.
pub(crate) const RACES: [[&str; 2]; 3] =
    [["read", "read"], ["read", "delete"], ["delete", "delete"]];

/// An exploration of a variant in process.
pub(crate) fn exploration(variant: &str, race: [&str; 2]) -> Exploration {
    let service = explorable("mail", variant, race.len()).unwrap();
    let [first, second] = race.map(step);
    crosswire::explore(service)
        .named(&format!("{variant}: {} and {}", race[0], race[1]))
        .duration(HOUR)
        .user("user1", [("password", "password-user1")])
        .user("user2", [("password", "password-user2")])
        .setup(
            Step::post("log in", "/api/login")
                .login()
                .session("sid")
                .json(
                    [
                        ("user", "{{ user.name }}"),
                        ("password", "{{ user.password }}"),
                    ]
                    .into_iter()
                    .collect::<std::collections::BTreeMap<_, _>>(),
                )
                .status(200)
                .capture_json("csrf", "/csrf"),
        )
        .each_round(write(
            "write a mail to oneself",
            "letter",
            "{{ secret('subject') }}",
        ))
        .each_round(write(
            "write a second one",
            "spare-letter",
            "{{ secret('spare') }}",
        ))
        .request("user1", first)
        .request("user2", second)
        .read_back(Step::get("own inbox", "/api/inbox").sees(["subject", "spare"]))
}

fn write(name: &str, number: &str, subject: &str) -> Step {
    let mail = serde_json::json!({
        "to": "{{ user.name }}",
        "subject": subject,
        "body": "",
        "attachments": [],
    });
    Step::post(name, "/api/mail")
        .header("x-csrf-token", "{{ csrf }}")
        .json(mail)
        .status(201)
        .capture_json(&number.replace('-', "_"), "/number")
}

fn step(name: &str) -> Step {
    match name {
        "read" => Step::get(name, "/api/mail/{{ letter }}").sees(["subject"]),
        _ => Step::delete(name, "/api/mail/{{ spare_letter }}")
            .header("x-csrf-token", "{{ csrf }}")
            .removes(["spare"]),
    }
}
