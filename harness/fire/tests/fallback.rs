//! What is used instead of HTTP/2, and of one connection.

use bytes::Bytes;

use super::service::{Ran, Service, answer, ok, run, scenario};
use super::tls::{Authority, serving};
use crate::history::{Record, Release};
use crate::scenario::{Scenario, StrategyName};

fn single_packet(users: u32) -> Scenario {
    let mut scenario = scenario(users, "");
    scenario.fire.set_strategy(StrategyName::SinglePacket);
    scenario.fire.rounds = 1;
    scenario
}

fn release(ran: &Ran) -> Release {
    let volley = |record: &Record| match record {
        Record::Volley(volley) => Some(volley.release.clone()),
        _ => None,
    };
    ran.0.iter().find_map(volley).expect("a volley")
}

fn fell_back(ran: Ran, why: &str) {
    let ran = ran.completed();
    let release = release(&ran);
    assert_eq!(release.strategy, "last-byte");
    assert_eq!(release.connections, 3);
    let notes = ran.notes();
    let told = "HTTP/1.1 was used instead, with per-user connections instead of shared ones, and the release last-byte instead of single-packet";
    assert!(
        notes[0].contains(why) && notes[0].contains(told),
        "{notes:?}"
    );
    assert_eq!(ran.statuses(), [(200, false); 3]);
}

#[test]
fn a_server_without_prior_knowledge_is_asked_over_http1() {
    let service = Service::new(|asked| match asked.method.as_str() {
        "PRI" => answer(400, "connection: close\r\n", ""),
        _ => ok(),
    });
    fell_back(run(&single_packet(3), &service.url()), "as one");
}

#[test]
fn a_server_that_does_not_choose_h2_is_asked_over_http1() {
    let authority = Authority::new();
    let service = Service::over(Some(serving(&authority, None, &[b"http/1.1"])), |_| ok());
    let mut scenario = single_packet(3);
    scenario.network.ca = Some(authority.pem());
    fell_back(run(&scenario, &service.url()), "by ALPN");
    let service = Service::over(Some(serving(&authority, None, &[])), |_| ok());
    fell_back(run(&scenario, &service.url()), "by ALPN");
}

#[test]
fn a_host_that_is_not_raced_falls_back_by_itself() {
    let auth = Service::new(|asked| match asked.method.as_str() {
        "PRI" => answer(400, "connection: close\r\n", ""),
        _ => ok(),
    });
    let mut scenario = scenario(3, "[[setup]]\nname = \"a\"\npath = \"/a\"");
    scenario.setup[0].host = Some("auth".to_owned());
    scenario.hosts.insert("auth".to_owned(), auth.url());
    scenario.fire.set_strategy(StrategyName::SinglePacket);
    scenario.fire.rounds = 1;
    let ran = run(&scenario, &h2_server(100)).completed();
    assert_eq!(release(&ran).strategy, "single-packet");
    assert_eq!(auth.lines()[1..], ["GET /a"; 3]);
    let notes = ran.notes();
    assert!(notes[0].contains("of which none is raced"), "{notes:?}");
}

#[test]
fn with_few_streams_several_connections_are_used_and_that_is_told() {
    let ran = run(&single_packet(5), &h2_server(2)).completed();
    let release = release(&ran);
    assert_eq!(release.strategy, "single-packet");
    assert_eq!(release.connections, 3);
    let notes = ran.notes();
    assert!(
        notes[0].contains("allows 2 requests at once")
            && notes[0].contains("3 connections were used for a group of 5 users"),
        "{notes:?}"
    );
    assert_eq!(ran.statuses(), [(200, false); 5]);
}

#[test]
fn enough_streams_need_no_note() {
    let ran = run(&single_packet(5), &h2_server(5)).completed();
    assert_eq!(release(&ran).connections, 1);
    assert_eq!(ran.notes(), [""; 0]);
}

/// The URL of an HTTP/2 server that allows so many requests at once; it lasts as long as the test process.
fn h2_server(streams: u32) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("non-blocking");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
            loop {
                let (stream, _) = listener.accept().await.expect("a client");
                tokio::task::spawn_local(async move {
                    let opened = h2::server::Builder::new()
                        .max_concurrent_streams(streams)
                        .handshake::<_, Bytes>(stream)
                        .await;
                    let Ok(mut connection) = opened else { return };
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        drop(respond.send_response(http::Response::new(()), true));
                    }
                });
            }
        });
    });
    format!("http://{address}")
}
