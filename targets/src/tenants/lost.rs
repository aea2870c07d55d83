//! What becomes of connections that are lost, beside a server that speaks as much of PostgreSQL's protocol as the client reads.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc as told;

use super::database::{Database, Failure};
use super::pool::Pool;
use super::tenancy::{Rule, Work, done};
use crate::members::Member;

/// The page that the server refuses to give.
const REFUSED: u16 = 99;
/// The page at which the server lets the test know, and ends the connection when it is told to.
const HELD: u16 = 98;
const RULES: [Rule; 5] = [
    Rule::Left,
    Rule::InTransaction,
    Rule::ResetAtTheEnd,
    Rule::ResetAfterErrors,
    Rule::ByItself,
];

/// A server that takes as many connections as `lasting` is long, one after the other, and ends each at the query after so
/// many. Nobody is there after the last one.
struct Server {
    address: SocketAddr,
    asked: told::UnboundedReceiver<()>,
    end: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Server {
    fn new(lasting: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, asked) = told::unbounded_channel();
        let (end, ending) = mpsc::channel();
        let thread = thread::spawn(move || {
            for queries in lasting {
                let (stream, _) = listener.accept().unwrap();
                // An error is the client's end of it.
                let _ = serve(stream, queries, &tell, &ending);
            }
        });
        Self {
            address,
            asked,
            end,
            thread,
        }
    }

    fn pool(&self, looks: bool) -> Pool {
        Pool::new(Database::Postgres(self.address), looks, Duration::ZERO)
    }

    /// Once the client has gone, that so many connections were made as were expected.
    fn joined(self, pool: Pool) {
        drop(pool);
        self.thread.join().unwrap();
    }
}

fn serve(
    mut stream: TcpStream,
    queries: usize,
    tell: &told::UnboundedSender<()>,
    ending: &mpsc::Receiver<()>,
) -> io::Result<()> {
    body(&mut stream)?;
    let ready = message(b'Z', b"I");
    stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat())?;
    for _ in 0..queries {
        stream.read_exact(&mut [0])?;
        let query = body(&mut stream)?;
        let is_of = |page: u16| query.ends_with(&format!("number = {page}\0"));
        if is_of(HELD) {
            tell.send(()).map_err(io::Error::other)?;
            return ending.recv().map_err(io::Error::other);
        }
        let said = match query.starts_with("SELECT") {
            true if is_of(REFUSED) => message(b'E', b"Mnot this one\0\0"),
            true => message(b'D', b"\0\x01\0\0\0\x04text"),
            false => message(b'C', b"done\0"),
        };
        stream.write_all(&[said, ready.clone()].concat())?;
    }
    stream.read_exact(&mut [0])?;
    body(&mut stream).map(drop)
}

fn body(stream: &mut TcpStream) -> io::Result<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut body)?;
    Ok(String::from_utf8(body).unwrap())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

#[tokio::test]
async fn a_lost_connection_costs_one_request_and_no_more() {
    for rule in RULES {
        for lasts in 0..4 {
            let server = Server::new(vec![lasts, usize::MAX]);
            let pool = server.pool(rule == Rule::InTransaction);
            let mut lost = 0;
            for _ in 0..4 {
                match done(&pool, rule, Member(1), Work::Page(1)).await {
                    Ok(text) => assert_eq!(text, "text", "{rule:?}"),
                    Err(Failure::Ended(_)) => lost += 1,
                    other => panic!("{rule:?}: {other:?}"),
                }
            }
            assert_eq!(lost, 1, "{rule:?} after {lasts} queries");
            server.joined(pool);
        }
    }
}

#[tokio::test]
async fn a_refused_statement_ends_no_connection() {
    for rule in RULES {
        let server = Server::new(vec![usize::MAX]);
        let pool = server.pool(false);
        let refused = done(&pool, rule, Member(1), Work::Page(REFUSED)).await;
        assert!(matches!(refused, Err(Failure::Broken(_))), "{refused:?}");
        let zero = Work::Write("\0".to_owned());
        let refused = done(&pool, rule, Member(1), zero).await;
        assert!(matches!(refused, Err(Failure::Broken(_))), "{refused:?}");
        let page = done(&pool, rule, Member(1), Work::Page(1)).await;
        assert_eq!(page.unwrap(), "text", "{rule:?}");
        server.joined(pool);
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_after_its_request_has_left_costs_nobody_a_request() {
    for rule in RULES {
        let mut server = Server::new(vec![usize::MAX; 2]);
        let pool = server.pool(rule == Rule::InTransaction);
        tokio::select! {
            answer = done(&pool, rule, Member(1), Work::Page(HELD)) => panic!("{answer:?}"),
            asked = server.asked.recv() => asked.unwrap(),
        }
        server.end.send(()).unwrap();
        while !pool.idle.lock()[0].has_ended() {
            tokio::task::yield_now().await;
        }
        let page = done(&pool, rule, Member(2), Work::Page(1)).await;
        assert_eq!(page.unwrap(), "text", "{rule:?}");
        server.joined(pool);
    }
}
