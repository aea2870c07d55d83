//! Audits of as many rows as a whole country's customers, made on the way: seconds and peak memory of each, in a process of its own.
//!
//! `cargo bench --bench audit -- --rows 1000000` makes another number of them.

use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::process::Command;
use std::time::Instant;

use crosswire::audit::{Audit, read};

/// Rows when none are named: one for each account that was read at a retailer in 2025, about.
const ROWS: u64 = 34_000_000;
/// Rows of the refinery's log: one for each customer that its staff copied in 2008.
const REFINERY: u64 = 11_000_000;
/// Different subjects that one principal may read, before an alarm.
const LIMIT: u64 = 1_000;
/// Seconds from the first row to the last: about five months.
const MONTHS_S: u64 = 145 * 86_400;
/// Seconds at the end that a first look counts.
const WINDOW_S: u64 = 7 * 86_400;

/// A log: who reads what, and how it is written.
struct Shape {
    name: &'static str,
    rows: Option<u64>,
    principals: u64,
    write: fn(&mut Vec<u8>, Access) -> io::Result<()>,
    header: &'static str,
}

struct Access {
    time: u64,
    principal: u64,
    subject: u64,
}

const HEADER: &str = "time,principal,key,subject,status\n";

const SHAPES: [Shape; 5] = [
    Shape {
        name: "CSV, subjects are numbers",
        rows: None,
        principals: 1,
        write: numbers,
        header: HEADER,
    },
    Shape {
        name: "CSV, subjects are texts",
        rows: None,
        principals: 1,
        write: |line, row| {
            let (time, principal, subject) = (row.time, row.principal, row.subject);
            writeln!(line, "{time},staff{principal},k1,c-{subject},200")
        },
        header: HEADER,
    },
    Shape {
        name: "NDJSON, subjects are numbers",
        rows: None,
        principals: 1,
        write: |line, row| {
            let (time, principal, subject) = (row.time, row.principal, row.subject);
            writeln!(
                line,
                r#"{{"time":{time},"principal":"staff{principal}","key":"k1","subject":{subject},"status":200}}"#
            )
        },
        header: "",
    },
    Shape {
        name: "CSV, 10,000 principals",
        rows: None,
        principals: 10_000,
        write: numbers,
        header: HEADER,
    },
    Shape {
        name: "CSV, the refinery's",
        rows: Some(REFINERY),
        principals: 1,
        write: numbers,
        header: HEADER,
    },
];

fn numbers(line: &mut Vec<u8>, row: Access) -> io::Result<()> {
    let (time, principal, subject) = (row.time, row.principal, row.subject);
    writeln!(line, "{time},staff{principal},k1,{subject},200")
}

/// A log that is made as it is read: each subject once, in no order.
struct Log<'s> {
    shape: &'s Shape,
    rows: u64,
    next: u64,
    line: Vec<u8>,
    at: usize,
}

impl<'s> Log<'s> {
    fn new(shape: &'s Shape, rows: u64) -> Self {
        Self {
            shape,
            rows,
            next: 0,
            line: shape.header.as_bytes().to_vec(),
            at: 0,
        }
    }

    fn make(&mut self) -> io::Result<()> {
        self.line.clear();
        self.at = 0;
        if self.next == self.rows {
            return Ok(());
        }
        // An odd factor meets every number below a power of two once.
        let size = self.rows.next_power_of_two();
        let row = Access {
            time: 1_750_723_200 + self.next * MONTHS_S / self.rows,
            principal: self.next % self.shape.principals,
            subject: self.next.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size,
        };
        self.next += 1;
        (self.shape.write)(&mut self.line, row)
    }
}

impl Read for Log<'_> {
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

type Done = Result<(), Box<dyn std::error::Error>>;

#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn main() -> Done {
    let after = |flag: &str| {
        let mut arguments = std::env::args().skip_while(|word| word != flag);
        arguments.nth(1)
    };
    let rows = after("--rows").map(|rows| rows.parse()).transpose()?;
    if let Some(place) = after("--shape") {
        let place: usize = place.parse()?;
        return measure(&SHAPES[place], rows);
    }
    println!(
        "| log | rows | s | s of CPU | of these, making the log | peak | different subjects | in the last 7 days | alarm at {LIMIT} |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for place in 0..SHAPES.len() {
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--shape", &place.to_string()]);
        if let Some(rows) = rows {
            child.args(["--rows", &rows.to_string()]);
        }
        if !child.status()?.success() {
            return Err("a measurement failed".into());
        }
    }
    Ok(())
}

/// Measures one shape in this process, which does nothing else.
#[expect(clippy::print_stdout, reason = "a bench tells its figures on stdout")]
fn measure(shape: &Shape, rows: Option<u64>) -> Done {
    let rows = rows.or(shape.rows).unwrap_or(ROWS);
    let log = || BufReader::with_capacity(1 << 20, Log::new(shape, rows));
    let mut idle = log();
    while !idle.fill_buf()?.is_empty() {
        idle.consume(idle.buffer().len());
    }
    let making = on_cpu()?;
    let begun = Instant::now();
    let mut audit = Audit::new();
    read(log(), &mut audit)?;
    let counted = audit.finish(Some(WINDOW_S));
    let seconds = begun.elapsed().as_secs_f64();
    let all = |subjects: fn(&crosswire::audit::Sum) -> u64| -> u64 {
        counted.principals.iter().map(subjects).sum()
    };
    println!(
        "| {} | {rows} | {seconds:.1} | {:.1} | {making:.1} | {} MB | {} | {} | {} of {} principals |",
        shape.name,
        on_cpu()? - making,
        peak()? / 1_000_000,
        all(|sum| sum.subjects),
        all(|sum| sum.recent.unwrap_or_default()),
        counted.beyond(LIMIT),
        counted.principals.len(),
    );
    Ok(())
}

/// Seconds that this process, which has one thread, has been on a CPU (Linux).
fn on_cpu() -> Result<f64, Box<dyn std::error::Error>> {
    let times = std::fs::read_to_string("/proc/self/schedstat")?;
    let spent: f64 = times.split_whitespace().next().ok_or("no time")?.parse()?;
    Ok(spent / 1e9)
}

/// The most bytes that this process has had in memory (Linux).
fn peak() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    let kib: u64 = kib.ok_or("no peak")?.parse()?;
    Ok(kib * 1024)
}
