//! What is used instead of HTTP/2 where a host does not speak it, and instead of one connection where it allows too few
//! streams. Found out before the run begins, by a connection of its own to each host, and told in notes.

use std::collections::BTreeSet;
use std::time::Duration;

use super::dial::{Chosen, Dial};
use super::hosts::{HostId, Hosts};
use super::http2::Http2;
use super::release::Tactics;
use crate::scenario::{Connections, FireSettings, Protocol, Scenario, StrategyName};

/// How long a server has for the opening of HTTP/2; one that does not know it may wait for the rest of a request.
const OPENING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long reaching it may take.
const REACHING_TIMEOUT: Duration = Duration::from_secs(10);

/// What a host says to HTTP/2.
enum Spoken {
    /// It speaks it and allows so many requests at once on a connection.
    Streams(usize),
    /// It does not, and this is how it shows.
    Not(String),
    /// It was not reached: the first request will tell why.
    Unknown,
}

/// The tactics that the hosts allow; each host's protocol is set.
pub(super) async fn settle(hosts: &mut Hosts, tactics: Tactics, scenario: &Scenario) -> Tactics {
    if tactics.protocol != Protocol::Http2 {
        return tactics;
    }
    let raced: BTreeSet<HostId> = scenario.volley.iter().map(|step| hosts.of(step)).collect();
    let mut without = None;
    let mut fewest: Option<(usize, String)> = None;
    let mut notes = Vec::new();
    for host in hosts.ids() {
        let authority = hosts.base(host).authority().to_owned();
        match spoken(hosts.dial(host)).await {
            Spoken::Unknown => {}
            Spoken::Streams(streams) => {
                if raced.contains(&host) && fewest.as_ref().is_none_or(|least| streams < least.0) {
                    fewest = Some((streams, authority));
                }
            }
            Spoken::Not(why) if raced.contains(&host) => {
                without = without.or(Some((authority, why)));
            }
            Spoken::Not(why) => {
                hosts.dial_mut(host).protocol = Protocol::Http1;
                notes.push(format!(
                    "{authority} does not speak HTTP/2 ({why}): steps that go there, of which none is raced, were sent over HTTP/1.1 instead"
                ));
            }
        }
    }
    let mut settled = match without {
        Some((authority, why)) => {
            for host in raced {
                hosts.dial_mut(host).protocol = Protocol::Http1;
            }
            without_http2(&tactics, &scenario.fire, &authority, &why)
        }
        None => {
            notes.extend(fewest.and_then(|few| few_streams(&tactics, scenario, few)));
            tactics
        }
    };
    settled.notes.extend(notes);
    settled
}

/// Whether a host was reached and does not speak HTTP/2.
#[cfg(feature = "control")]
pub(super) async fn refuses_http2(dial: &Dial) -> bool {
    matches!(spoken(dial).await, Spoken::Not(_))
}

async fn spoken(dial: &Dial) -> Spoken {
    let reaching = dial.open_asking(Protocol::Http2);
    let (io, latch) = match tokio::time::timeout(REACHING_TIMEOUT, reaching).await {
        Ok(Ok((io, latch, Chosen::Perhaps))) => (io, latch),
        Ok(Ok((_, _, Chosen::No))) => {
            return Spoken::Not("it did not choose `h2` by ALPN".to_owned());
        }
        Ok(Err(_)) | Err(_) => return Spoken::Unknown,
    };
    match tokio::time::timeout(OPENING_TIMEOUT, Http2::new(io, latch)).await {
        Ok(Ok(http2)) => Spoken::Streams(http2.streams()),
        Ok(Err(_)) => Spoken::Not("it does not answer the opening of HTTP/2 as one".to_owned()),
        Err(_) => Spoken::Not(format!(
            "it did not answer the opening of HTTP/2 within {} s",
            OPENING_TIMEOUT.as_secs()
        )),
    }
}

/// The same wishes over HTTP/1.1, and a sentence that says what became of them.
fn without_http2(wished: &Tactics, settings: &FireSettings, authority: &str, why: &str) -> Tactics {
    let mut settings = settings.clone();
    settings.protocol = Protocol::Http1;
    if wished.strategy.name == StrategyName::SinglePacket {
        settings.strategy = StrategyName::LastByte;
    }
    if wished.connections == Connections::Shared {
        settings.connections = Connections::PerUser;
    }
    let mut tactics = Tactics::new(&settings);
    let mut note = format!("{authority} does not speak HTTP/2 ({why}): HTTP/1.1 was used instead");
    if tactics.connections != wished.connections {
        note.push_str(&format!(
            ", with {} connections instead of {} ones",
            tactics.connections, wished.connections
        ));
    }
    if tactics.strategy.name != wished.strategy.name {
        note.push_str(&format!(
            ", and the release {} instead of {}",
            tactics.strategy.name, wished.strategy.name
        ));
    }
    tactics.notes.insert(0, note);
    tactics
}

/// What has to be said when one connection does not carry a whole group.
fn few_streams(
    tactics: &Tactics,
    scenario: &Scenario,
    (streams, authority): (usize, String),
) -> Option<String> {
    if tactics.connections != Connections::Shared {
        return None;
    }
    let users = scenario.users.count() as usize;
    let groups = users.div_ceil(scenario.fire.group.max(1) as usize).max(1);
    // Groups are of even size, so this is the largest.
    let members = users.div_ceil(groups);
    if streams >= members {
        return None;
    }
    let connections = members.div_ceil(streams.max(1));
    Some(format!(
        "{authority} allows {streams} requests at once on a connection: {connections} connections were used for a group of {members} users instead of one, and as many writes released it"
    ))
}
