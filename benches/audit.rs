//! An audit of as many rows as a whole country's customers, made on the way: seconds and peak memory.
//!
//! `cargo bench --bench audit -- --rows 1000000` makes another number of them.

use std::io::{self, BufReader, Read};
use std::time::Instant;

use crosswire::audit::{Audit, read};

/// Rows when none are named: a row for each account that was read at a retailer in 2025, about.
const ROWS: u64 = 34_000_000;
/// Seconds between two rows: all of them take about five months.
const MONTHS_S: u64 = 145 * 86_400;

/// How subjects are named.
#[derive(Clone, Copy)]
enum Names {
    /// Numbers in no order.
    Numbers,
    /// Texts.
    Texts,
}

/// A log in CSV that is made as it is read: one principal, one key, each subject once.
struct Log {
    rows: u64,
    next: u64,
    names: Names,
    line: Vec<u8>,
    at: usize,
}

impl Log {
    fn new(rows: u64, names: Names) -> Self {
        let line = b"time,principal,key,subject,status\n".to_vec();
        Self {
            rows,
            next: 0,
            names,
            line,
            at: 0,
        }
    }

    fn make(&mut self) -> io::Result<()> {
        use std::io::Write as _;
        self.line.clear();
        self.at = 0;
        if self.next == self.rows {
            return Ok(());
        }
        let time = 1_750_723_200 + self.next * MONTHS_S / self.rows;
        // An odd factor meets every number below a power of two once.
        let size = self.rows.next_power_of_two();
        let subject = self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
        self.next += 1;
        match self.names {
            Names::Numbers => writeln!(self.line, "{time},gone,k1,{subject},200"),
            Names::Texts => writeln!(self.line, "{time},gone,k1,c-{subject},200"),
        }
    }
}

impl Read for Log {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.at == self.line.len() {
                self.make()?;
                if self.line.is_empty() {
                    break;
                }
            }
            let some = (self.line.len() - self.at).min(buffer.len() - filled);
            buffer[filled..filled + some].copy_from_slice(&self.line[self.at..self.at + some]);
            self.at += some;
            filled += some;
        }
        Ok(filled)
    }
}

#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip_while(|word| word != "--rows");
    let rows = match arguments.nth(1) {
        Some(rows) => rows.parse()?,
        None => ROWS,
    };
    for (what, names) in [("numbers", Names::Numbers), ("texts", Names::Texts)] {
        let begun = Instant::now();
        let mut audit = Audit::new();
        read(
            BufReader::with_capacity(1 << 20, Log::new(rows, names)),
            &mut audit,
        )?;
        let counted = audit.finish(Some(7 * 86_400));
        let seconds = begun.elapsed().as_secs_f64();
        let sum = &counted.principals[0];
        println!(
            "{rows} rows, subjects are {what}: {seconds:.1} s, peak {} so far; {} subjects, {} in the last 7 days",
            peak().unwrap_or_else(|| "unknown".to_owned()),
            sum.subjects,
            sum.recent.unwrap_or_default()
        );
    }
    Ok(())
}

/// The most memory that this process has had (Linux).
fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(format!("{} MB", kib * 1024 / 1_000_000))
}
