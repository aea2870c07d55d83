//! The client of a controlled request: a connection of its own, on which the engine decides what leaves and when it is read.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::board::{Board, Front};
use crate::fire::connection::{Bounds, Connection};
use crate::fire::exchange::{Done, Failure, Request};
use crate::fire::{Clock, Stop};

/// A controlled exchange ends with its execution, which has limits of its own: held time is no waiting time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// From this status on it is the service that failed, not the request.
pub(super) const SERVER_ERROR: u16 = 500;
static NEVER: LazyLock<Stop> = LazyLock::new(Stop::default);

/// What became of an exchange, and its connection.
type Landed = Rc<RefCell<Option<(Connection, Done)>>>;

/// A request that is sent under control.
pub(super) struct Client {
    /// Its place.
    place: usize,
    request: Request,
    connection: Option<Connection>,
    /// Number of the connection in the run.
    pub(super) number: u32,
    /// Whether the connection had been used before.
    reused: bool,
    task: Option<JoinHandle<()>>,
    landed: Landed,
    begun_ns: u64,
    /// Why this side ended it, if it did, and whether that was a move.
    ended: Option<(String, bool)>,
}

impl Client {
    pub(super) fn new(
        place: usize,
        request: Request,
        (connection, reused): (Connection, bool),
    ) -> Client {
        Client {
            place,
            request,
            number: connection.number,
            connection: Some(connection),
            reused,
            task: None,
            landed: Landed::default(),
            begun_ns: 0,
            ended: None,
        }
    }

    /// The request.
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    /// Sends it; with `front`, in two pieces, and its answer is not read before it is let go.
    pub(super) fn begin(&mut self, board: &Rc<Board>, front: bool, keep: usize, clock: Clock) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        board.front(self.place, |_| Front::Sent);
        self.begun_ns = clock.now();
        let bounds = Bounds {
            keep,
            timeout: LONGEST,
            clock,
            stop: &NEVER,
            until_ns: u64::MAX,
        };
        let (place, request) = (self.place, self.request.clone());
        let (board, landed) = (Rc::clone(board), Rc::clone(&self.landed));
        // What is done to a request on purpose has a course of its own.
        let front = front && request.faults.is_none();
        self.task = Some(tokio::task::spawn_local(async move {
            let mut connection = connection;
            let done = match front {
                true => piecewise(&mut connection, &request, place, &board, bounds).await,
                false => connection.exchange(&request, bounds).await,
            };
            *landed.borrow_mut() = Some((connection, done));
            board.front(place, |_| Front::Over);
        }));
    }

    /// Whether the server had closed the idle connection in the moment in which it was used again.
    pub(super) fn was_closed_idle(&self) -> bool {
        let landed = self.landed.borrow();
        let done = landed.as_ref().map(|(_, done)| done);
        let failed = done.and_then(|done| done.result.as_ref().err());
        self.reused && failed.is_some_and(Failure::closed_idle)
    }

    /// Another connection, for another try.
    pub(super) fn again(&mut self, connection: Connection) {
        self.landed.borrow_mut().take();
        self.number = connection.number;
        self.connection = Some(connection);
        self.reused = false;
    }

    /// Closes its connection, if it was sent and its answer is not there.
    pub(super) fn go_away(&mut self, why: String, on_purpose: bool) {
        let Some(task) = self.task.take() else {
            return;
        };
        if self.landed.borrow().is_none() {
            self.ended = Some((why, on_purpose));
        }
        task.abort();
    }

    /// The status of its answer, when that is there.
    pub(super) fn status(&self) -> Option<u16> {
        let landed = self.landed.borrow();
        let (_, done) = landed.as_ref()?;
        done.result.as_ref().ok().map(|answer| answer.status)
    }

    /// Whether it is over and the service has failed it, by itself.
    pub(super) fn has_failed(&self) -> bool {
        let landed = self.landed.borrow();
        landed
            .as_ref()
            .is_some_and(|(_, done)| match (&done.result, &done.provoked) {
                (Ok(answer), _) => answer.status >= SERVER_ERROR,
                (Err(_), provoked) => provoked.is_none(),
            })
    }

    /// What became of it, and its connection if that can be used again.
    pub(super) fn end(mut self, clock: Clock) -> (Request, Done, Option<Connection>) {
        let landed = self.landed.borrow_mut().take();
        match landed {
            Some((connection, done)) => (self.request, done, Some(connection)),
            None => {
                let unsent = || {
                    (
                        "it was not sent before the execution ended".to_owned(),
                        false,
                    )
                };
                let (why, on_purpose) = self.ended.take().unwrap_or_else(unsent);
                let done = Done::new(self.begun_ns, Err(Failure::new(why.clone())), clock)
                    .provoked(on_purpose.then_some(why))
                    .cut_off(true);
                (self.request, done, self.connection.take())
            }
        }
    }
}

/// The head and half of the body, then the other half, then the answer: each when it is let go.
async fn piecewise(
    connection: &mut Connection,
    request: &Request,
    place: usize,
    board: &Board,
    bounds: Bounds<'_>,
) -> Done {
    let go = board
        .state
        .borrow()
        .requests
        .get(place)
        .map(|seen| Rc::clone(&seen.go));
    let go = go.unwrap_or_default();
    let mut armed = connection.arm(&[request], bounds).await;
    let second = request.body.len() / 2;
    if second > 0 {
        connection.send_ahead(second, &mut armed, bounds).await;
        board.front(place, Front::Half);
        go.notified().await;
    }
    // What is wrong with it turns out when its answer is read.
    let _ = connection.latch().open().await;
    let sent_ns = bounds.clock.now();
    connection.latch().has_come().await;
    board.front(place, Front::Answered);
    go.notified().await;
    let mut done = connection.collect(armed, sent_ns, bounds).await;
    done.pop().unwrap_or_else(|| {
        let failure = Failure::new("the answer was lost");
        Done::new(sent_ns, Err(failure), bounds.clock)
    })
}
