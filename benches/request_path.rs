//! The webmail's request path without a server around it: 16 requests of different users at once, per variant and store.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crosswire_targets::mail::memory::MemoryStore;
use crosswire_targets::mail::note::{LockedNote, Note, OneLock, PerRequest, Requester, SharedNote};
use crosswire_targets::mail::seed;
use crosswire_targets::mail::service::{Action, Webmail};
use crosswire_targets::mail::sqlite::SqliteStore;
use crosswire_targets::mail::store::{Folder, Store};
use futures_util::future::join_all;
use tokio::runtime::Runtime;

const USERS: usize = 16;

fn request_path(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = criterion.benchmark_group("request path, 16 users at once");
    group.throughput(Throughput::Elements(USERS as u64));
    for (name, bench) in [
        (
            "shared-note",
            both::<SharedNote> as fn(&mut _, &Runtime, &str),
        ),
        ("locked-note", both::<LockedNote>),
        ("one-lock", both::<OneLock>),
        ("per-request", both::<PerRequest>),
    ] {
        bench(&mut group, &runtime, name);
    }
    group.finish();
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn both<N: Note>(group: &mut Group<'_>, runtime: &Runtime, name: &str) {
    one::<_, N>(
        group,
        runtime,
        BenchmarkId::new(name, "memory"),
        MemoryStore::new(),
    );
    one::<_, N>(
        group,
        runtime,
        BenchmarkId::new(name, "sqlite"),
        SqliteStore::temporary().expect("a temporary file"),
    );
}

fn one<S: Store, N: Note>(group: &mut Group<'_>, runtime: &Runtime, id: BenchmarkId, store: S) {
    let webmail = Webmail::<S, N>::new(store);
    let requesters: Vec<Requester> = runtime.block_on(async {
        seed::seed(webmail.store(), USERS)
            .await
            .expect("the users are seeded");
        let mut requesters = Vec::with_capacity(USERS);
        for number in 1..=USERS {
            let credentials = webmail
                .credentials(&seed::user_name(number))
                .await
                .expect("a store")
                .expect("a user");
            requesters.push(Requester {
                user: credentials.user,
                ..Requester::NOBODY
            });
        }
        requesters
    });
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            let requests = requesters
                .iter()
                .map(|requester| webmail.answer(*requester, Action::List(Folder::Inbox)));
            black_box(runtime.block_on(join_all(requests)))
        });
    });
}

criterion_group!(benches, request_path);
criterion_main!(benches);
