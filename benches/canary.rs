//! Canary search: bytes per second, by kind of body, size and number of users; beside it, one pattern per user.

use std::hint::black_box;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crosswire::identity::{Canary, Finder, Mint, Redactor, Salt, UserId};

const SALT: Salt = Salt::new(0x1555_5555);
const USERS: [u32; 3] = [2, 1_000, 100_000];
const SIZES: [(&str, usize); 3] = [("2 KiB", 2 << 10), ("16 KiB", 16 << 10), ("1 MiB", 1 << 20)];

/// A repeatable stream of numbers (xorshift64*, Vigna 2016).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }
}

const WORDS: [&str; 24] = [
    "the", "quick", "request", "mail", "from", "inbox", "Sequence", "to", "of", "and", "XML",
    "question", "at", "Friday", "fax", "unique", "in", "Box", "session", "require", "is", "answer",
    "quality", "for",
];

fn filled(size: usize, mut piece: impl FnMut(&mut Numbers) -> String) -> String {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let mut body = String::with_capacity(size + 4_096);
    while body.len() < size {
        body.push_str(&piece(&mut numbers));
    }
    body.truncate(size);
    body
}

fn words(numbers: &mut Numbers, count: usize) -> String {
    let drawn: Vec<&str> = (0..count)
        .map(|_| WORDS[numbers.below(WORDS.len() as u64) as usize])
        .collect();
    drawn.join(" ")
}

fn html(size: usize) -> String {
    filled(size, |numbers| {
        let (id, text) = (numbers.below(100_000), words(numbers, 12));
        format!(
            "<tr class=\"row\" id=\"mail-{id}\"><td><a href=\"/mail/{id}?view=full&amp;q=1\">{text}</a></td></tr>\n"
        )
    })
}

fn json(size: usize) -> String {
    filled(size, |numbers| {
        let (id, text) = (numbers.below(100_000), words(numbers, 12));
        format!("{{\"id\":{id},\"subject\":\"{text}\",\"read\":false,\"tags\":[\"a\",\"b\"]}},")
    })
}

/// Text with images in it, as data URLs: three quarters is base64.
fn base64_rich(size: usize) -> String {
    filled(size, |numbers| {
        let image: Vec<u8> = (0..1_200).map(|_| numbers.below(256) as u8).collect();
        format!(
            "<p>{}</p><img src=\"data:image/png;base64,{}\">\n",
            words(numbers, 60),
            STANDARD.encode(image)
        )
    })
}

/// A page with a canary in each piece of 1 KiB, of owners all over the range; every fourth in base64.
fn hit(size: usize, users: u32) -> String {
    let filler = html(1_000);
    let mut mint = Mint::new(SALT);
    let mut number = 0;
    filled(size, |numbers| {
        number += 1;
        let (_, text) = mint.mint(UserId(numbers.below(u64::from(users)) as u32), 0);
        let text = if number % 4 == 0 {
            STANDARD.encode(text)
        } else {
            text
        };
        format!("{filler}{text}")
    })
}

fn search(finder: &Finder, body: &[u8]) -> u64 {
    let mut sum = 0;
    finder.find(black_box(body), |sighting| {
        sum += u64::from(sighting.canary.owner.0) + 1
    });
    sum
}

fn clean_bodies(c: &mut Criterion) {
    let finder = Finder::new(SALT);
    let mut group = c.benchmark_group("canary search, clean bodies");
    for (kind, body) in [
        ("html", html as fn(usize) -> String),
        ("json", json),
        ("base64-rich", base64_rich),
    ] {
        for (size_name, size) in SIZES {
            let body = body(size);
            assert_eq!(search(&finder, body.as_bytes()), 0);
            group.throughput(Throughput::BytesDecimal(size as u64));
            // Nothing in the finder knows how many users there are, so this holds for any number of them.
            group.bench_function(BenchmarkId::new(kind, size_name), |b| {
                b.iter(|| search(&finder, body.as_bytes()))
            });
        }
    }
    group.finish();
}

fn hit_bodies(c: &mut Criterion) {
    let finder = Finder::new(SALT);
    let mut group = c.benchmark_group("canary search, a hit per KiB, html 64 KiB");
    let size = 64 << 10;
    for users in USERS {
        let body = hit(size, users);
        assert!(search(&finder, body.as_bytes()) > 50);
        group.throughput(Throughput::BytesDecimal(size as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{users} users")), |b| {
            b.iter(|| search(&finder, body.as_bytes()));
        });
    }
    group.finish();
}

/// What one would do without a marker: a pattern per user, plain form only. Same bodies, same run, for the ratio.
fn pattern_per_user(c: &mut Criterion) {
    let finder = Finder::new(SALT);
    let size = 64 << 10;
    let body = html(size);
    let mut group = c.benchmark_group("canary search, html 64 KiB, against a pattern per user");
    group
        .throughput(Throughput::BytesDecimal(size as u64))
        .sample_size(20);
    for users in USERS {
        group.bench_function(BenchmarkId::new("marker", format!("{users} users")), |b| {
            b.iter(|| search(&finder, body.as_bytes()));
        });
        let patterns = (0..users).map(|user| {
            Canary {
                owner: UserId(user),
                slot: 0,
                serial: 0,
            }
            .encode(SALT)
        });
        let automaton = AhoCorasick::new(patterns).expect("so many patterns fit");
        group.bench_function(
            BenchmarkId::new("pattern per user", format!("{users} users")),
            |b| {
                b.iter(|| automaton.find_iter(black_box(body.as_bytes())).count());
            },
        );
    }
    group.finish();
}

/// Bodies made to be slow.
fn bad_bodies(c: &mut Criterion) {
    let finder = Finder::new(SALT);
    let mut numbers = Numbers(1);
    let random: Vec<u8> = (0..1 << 20).map(|_| numbers.below(256) as u8).collect();
    let size = 1 << 20;
    let mut group = c.benchmark_group("canary search, bad bodies, 1 MiB");
    group
        .throughput(Throughput::BytesDecimal(size as u64))
        .sample_size(20);
    for (name, body) in [
        ("random bytes", random),
        ("only q", vec![b'q'; size]),
        ("only cXFx", b"cXFx".repeat(size / 4)),
        ("only markers", SALT.marker().into_bytes().repeat(size / 11)),
        (
            "only markers, base64",
            STANDARD
                .encode(SALT.marker().repeat(size / 15))
                .into_bytes(),
        ),
    ] {
        group.bench_function(name, |b| b.iter(|| search(&finder, &body)));
    }
    group.finish();
}

fn redaction(c: &mut Criterion) {
    let size = 64 << 10;
    let body = html(size);
    let mut group = c.benchmark_group("redaction, clean html 64 KiB");
    group
        .throughput(Throughput::BytesDecimal(size as u64))
        .sample_size(20);
    for secrets in [1, 100] {
        let redactor = Redactor::new((0..secrets).map(|n| format!("pass-word/{n:04}")));
        group.bench_function(format!("{secrets} secrets"), |b| {
            b.iter(|| redactor.bytes(black_box(body.as_bytes())).len())
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    clean_bodies,
    hit_bodies,
    pattern_per_user,
    bad_bodies,
    redaction
);
criterion_main!(benches);
