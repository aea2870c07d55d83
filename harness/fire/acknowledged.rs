//! Whether the peers have acknowledged everything sent to them: the proof that a prefix has arrived, without a sleep.
//!
//! Linux tells the bytes not yet acknowledged per socket, the figure of `ioctl(SIOCOUTQ)`, as `tx_queue` in
//! `/proc/net/tcp` (proc_pid_net(5)); read from there, one file answers for all connections of a volley. Elsewhere the
//! answer is "not known", and the report says so.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

/// How often the tables are read before the answer is "no", a millisecond apart.
const TRIES: u32 = 50;

/// Waits, for a short while at most, until the kernel's send queues of the sockets at `locals` are empty.
pub(super) async fn acknowledged(locals: &[SocketAddr]) -> bool {
    for attempt in 0..TRIES {
        match queues_empty(locals) {
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
        if attempt + 1 < TRIES {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    false
}

/// True when every socket is listed with an empty send queue; `None` where the tables cannot be read.
fn queues_empty(locals: &[SocketAddr]) -> Option<bool> {
    let mut ports: BTreeSet<u16> = locals.iter().map(SocketAddr::port).collect();
    let mut empty = true;
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        // A machine without IPv6 has no second table.
        let Ok(text) = std::fs::read_to_string(table) else {
            continue;
        };
        for (port, queued) in text.lines().skip(1).filter_map(row) {
            if ports.contains(&port) {
                empty &= queued == 0;
                ports.remove(&port);
            }
        }
    }
    ports.is_empty().then_some(empty)
}

/// Local port and unacknowledged bytes of an established connection, from one row:
/// `sl local_address rem_address st tx_queue:rx_queue …`, all in hexadecimal.
fn row(line: &str) -> Option<(u16, u64)> {
    const ESTABLISHED: &str = "01";
    let mut fields = line.split_ascii_whitespace().skip(1);
    let port = u16::from_str_radix(fields.next()?.rsplit(':').next()?, 16).ok()?;
    let state = fields.nth(1)?;
    let queued = u64::from_str_radix(fields.next()?.split(':').next()?, 16).ok()?;
    (state == ESTABLISHED).then_some((port, queued))
}

#[cfg(test)]
mod tests {
    use super::row;

    #[test]
    fn a_row_gives_local_port_and_send_queue() {
        let line = "   1: 0100007F:1F90 0100007F:C350 01 0000001A:00000000 00:00000000 00000000     0        0 12345 1";
        assert_eq!(row(line), Some((8080, 26)));
    }

    #[test]
    fn a_listening_socket_is_no_connection() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1";
        assert_eq!(row(line), None);
    }

    #[test]
    fn rubbish_is_no_row() {
        for line in ["", "sl local", "1: x:y z 01 q:r"] {
            assert_eq!(row(line), None);
        }
    }
}
