//! Whose message it is, event by event, without sockets: what a busy machine may do to the order of events.

use tokio::time::Instant;

use crate::explore::turnstile::board::{Alone, Board, Front, Mode, Released, hash};
use crate::explore::turnstile::connection::Side;

const HOLD: Mode = Mode::Hold {
    messages: true,
    answers: false,
};
const GET_A: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
const GET_B: &[u8] = b"*2\r\n$3\r\nGET\r\n$1\r\nb\r\n";

/// Two requests, both sent, that send so many messages alone; the first of each is known.
fn board(messages: usize) -> Board {
    let board = Board::default();
    {
        let mut state = board.state.borrow_mut();
        state.begin(2, HOLD);
        state.alone = [GET_A, GET_B]
            .map(|first| Alone {
                widths: vec![1, 0],
                late: 0,
                messages,
                hashes: vec![hash(first)],
            })
            .to_vec();
        for seen in &mut state.requests {
            seen.front = Front::Sent;
        }
    }
    board
}

fn moves(board: &Board, mover: Option<usize>) {
    board.state.borrow_mut().mover = mover;
}

fn blocks(board: &Board, request: usize) {
    board.state.borrow_mut().requests[request].blocked = Some(Instant::now());
}

/// How many things each request holds.
fn held(board: &Board) -> [usize; 2] {
    let state = board.state.borrow();
    [state.holds(0), state.holds(1)]
}

fn lets_go(board: &Board, request: usize) -> Option<Vec<u8>> {
    match board.state.borrow_mut().release(request)? {
        Released::Message(_, bytes) | Released::Answer(_, bytes) => Some(bytes.to_vec()),
        Released::Half | Released::Reading => Some(Vec::new()),
    }
}

#[test]
fn a_late_message_of_a_request_that_was_only_slow_is_its_own() {
    let board = board(1);
    let (slow, other) = (board.opened(0), board.opened(0));
    // It counts as blocked before its first message has come, which then comes in another's move, and first.
    blocks(&board, 0);
    moves(&board, Some(1));
    board.came(slow, Side::Service, GET_A);
    assert_eq!(held(&board), [1, 0]);
    assert!(board.state.borrow().requests[0].blocked.is_none());
    board.came(other, Side::Service, GET_B);
    assert_eq!(held(&board), [1, 1]);
    assert_eq!(lets_go(&board, 0).as_deref(), Some(GET_A));
    assert_eq!(lets_go(&board, 1).as_deref(), Some(GET_B));
}

#[test]
fn a_mover_that_is_held_sends_no_more_so_it_was_the_blocked_one() {
    let board = board(2);
    let (one, two) = (board.opened(0), board.opened(0));
    blocks(&board, 0);
    moves(&board, Some(1));
    board.came(one, Side::Service, b"something new");
    assert_eq!(held(&board), [0, 1]);
    board.came(two, Side::Service, b"something else");
    assert_eq!(held(&board), [1, 1]);
}

#[test]
fn a_mover_that_has_sent_all_it_sends_has_woken_the_blocked_one() {
    let board = board(1);
    let pooled = board.opened(0);
    moves(&board, Some(1));
    board.came(pooled, Side::Service, b"the only one");
    assert!(lets_go(&board, 1).is_some());
    blocks(&board, 0);
    board.came(pooled, Side::Backend, b"answer");
    // It gives the connection back, and the blocked one asks over it before the mover's own answer is there.
    board.came(pooled, Side::Service, b"over the same connection");
    assert_eq!(held(&board), [1, 0]);
}

#[test]
fn whoever_is_inside_something_on_a_connection_goes_on_there() {
    let board = board(3);
    let (own, other) = (board.opened(0), board.opened(0));
    moves(&board, Some(0));
    board.came(own, Side::Service, b"begin");
    assert!(lets_go(&board, 0).is_some());
    board.came(own, Side::Backend, b"begun");
    blocks(&board, 0);
    moves(&board, Some(1));
    board.came(own, Side::Service, b"commit");
    board.came(other, Side::Service, b"begin");
    assert_eq!(held(&board), [1, 1]);
    assert_eq!(lets_go(&board, 0).as_deref(), Some(&b"commit"[..]));
}

#[test]
fn the_rest_of_a_message_belongs_to_its_beginning() {
    let board = board(1);
    let shared = board.opened(0);
    moves(&board, Some(0));
    board.came(shared, Side::Service, &GET_A[..9]);
    moves(&board, Some(1));
    board.came(shared, Side::Service, &GET_A[9..]);
    assert_eq!(held(&board), [1, 0]);
    // The next command on the same connection is the mover's, and waits its turn.
    board.came(shared, Side::Service, GET_B);
    assert_eq!(held(&board), [1, 1]);
    assert!(!board.state.borrow().can_go(1));
    assert_eq!(lets_go(&board, 0).as_deref(), Some(GET_A));
    assert!(board.state.borrow().can_go(1));
    assert_eq!(lets_go(&board, 1).as_deref(), Some(GET_B));
}

#[test]
fn between_moves_a_message_is_its_connections_or_nobodys() {
    let board = board(1);
    let (used, unused) = (board.opened(0), board.opened(0));
    moves(&board, Some(0));
    board.came(used, Side::Service, b"one");
    moves(&board, None);
    board.came(unused, Side::Service, b"ping");
    board.came(unused, Side::Service, b"ping, its rest");
    assert_eq!((held(&board), board.state.borrow().background), ([1, 0], 1));
    board.came(unused, Side::Backend, b"pong");
    board.came(unused, Side::Service, b"ping");
    assert_eq!(board.state.borrow().background, 2);
}

#[test]
fn a_message_goes_on_until_its_answer_begins() {
    let board = board(2);
    let line = board.opened(0);
    moves(&board, Some(0));
    board.came(line, Side::Service, b"begin");
    assert_eq!(lets_go(&board, 0).as_deref(), Some(&b"begin"[..]));
    board.came(line, Side::Service, b"ning");
    assert_eq!(held(&board), [0, 0]);
    board.came(line, Side::Backend, b"answer");
    board.came(line, Side::Service, b"next");
    assert_eq!(held(&board), [1, 0]);
    assert_eq!(board.state.borrow().requests[0].messages, 2);
    board.closed(line);
    assert_eq!(held(&board), [0, 0]);
}
