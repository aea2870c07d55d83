//! A process that makes certificates: it writes the document into the folder, waits for the printer, and takes the document
//! there.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use tokio::time::{Instant, timeout};

use super::Site;
use super::folder::Folder;
use super::rules::{Late, Name, Rules, Turns};
use crate::members::{self, Member, Members, Tokens};
use crate::sync::{AsyncMutex, AtomicU64, Ordering, point};

/// Letters of a kiosk's number that are heeded.
const NUMBER: usize = 20;

/// Processes that have one folder.
pub(super) const DESKS: usize = 2;

/// One process. Of what is here it shares the folder and the printer with others, and nothing else unless its rules say so.
#[derive(Debug)]
pub(super) struct Desk {
    rules: Rules,
    members: Arc<Members>,
    folder: Arc<Folder>,
    /// Who has it may have its document printed. Others wait in the order in which they came.
    printer: Arc<AsyncMutex<()>>,
    /// Who has it may have a document in the folder; none where there may be many.
    turn: Option<Arc<AsyncMutex<()>>>,
    tokens: Arc<Tokens>,
    made: AtomicU64,
    /// Ticks are counted from here: of the system's clock when served, of the exploration's when explored.
    began: Instant,
}

/// Why there is no document.
#[derive(Debug)]
enum Failed {
    /// The printer was not free in time.
    Late,
    /// It is not there, or somebody else's.
    Gone,
    /// The store is gone, or there is no randomness.
    Stopped,
}

impl Desk {
    /// Processes over one folder, and one printer.
    pub(super) fn several(
        rules: Rules,
        members: &Arc<Members>,
        folder: Folder,
    ) -> [Arc<Self>; DESKS] {
        let tokens = Arc::new(folder.tokens());
        let folder = Arc::new(folder);
        let printer = Arc::<AsyncMutex<()>>::default();
        let shared = Arc::<AsyncMutex<()>>::default();
        let began = Instant::now();
        [(); DESKS].map(|()| {
            Arc::new(Self {
                rules,
                members: Arc::clone(members),
                folder: Arc::clone(&folder),
                printer: Arc::clone(&printer),
                turn: match rules.turns {
                    Turns::None => None,
                    Turns::Process => Some(Arc::default()),
                    Turns::Folder => Some(Arc::clone(&shared)),
                },
                tokens: Arc::clone(&tokens),
                made: AtomicU64::new(0),
                began,
            })
        })
    }

    /// From the application to the paper.
    async fn certificate(
        &self,
        applicant: Member,
        kiosk: &str,
        payment: Body,
    ) -> Result<String, Failed> {
        let mut turn = match &self.turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let name = self.name(kiosk).ok_or(Failed::Stopped)?;
        let entry = self.members.ledger.note(applicant).await;
        let entry = entry.ok_or(Failed::Stopped)?;
        let owner = applicant.name();
        let text = format!("{owner}\nCertificate of residence\n{entry}\n");
        let is_new = self.rules.name == Name::Random;
        let written = self.folder.write(&name, text, is_new).await;
        written.map_err(|_| Failed::Gone)?;
        let mut waiting = Box::pin(self.printer.lock());
        let printer = match (
            timeout(self.rules.limit, &mut waiting).await,
            self.rules.late,
        ) {
            (Ok(printer), _) => printer,
            (Err(_), Late::LosesTurn) => {
                drop(turn.take());
                waiting.await
            }
            (Err(_), Late::Cancelled) => {
                self.folder.remove(&name).await;
                return Err(Failed::Late);
            }
        };
        let document = self.folder.take(&name).await;
        drop(turn);
        // The printer stays with the kiosk until it has the payment.
        received(payment).await;
        drop(printer);
        let document = document.map_err(|_| Failed::Gone)?;
        let (of, paper) = document.split_once('\n').ok_or(Failed::Gone)?;
        match self.rules.owned && of != owner {
            true => Err(Failed::Gone),
            false => Ok(paper.to_owned()),
        }
    }

    /// What the document is called; `None` when there is no randomness.
    fn name(&self, kiosk: &str) -> Option<String> {
        let since = self.began.elapsed();
        Some(match self.rules.name {
            Name::Second => since.as_secs().to_string(),
            Name::Millisecond => since.as_millis().to_string(),
            Name::Kiosk => kiosk.to_owned(),
            Name::Counter => self.made.fetch_add(1, Ordering::Relaxed).to_string(),
            Name::Next => "next".to_owned(),
            Name::Random => self.tokens.draw()?,
        })
    }
}

/// All of what the kiosk sends. What that is does not matter here.
async fn received(mut payment: Body) {
    loop {
        // Where all of it is there at once, others may go on before each part all the same.
        point().await;
        let part = poll_fn(|context| Pin::new(&mut payment).poll_frame(context)).await;
        if !matches!(part, Some(Ok(_))) {
            return;
        }
    }
}

/// Where one applies.
pub(super) fn routes() -> Router<Site> {
    Router::new().route("/certificate", post(apply))
}

/// A kiosk applies for its user, and waits for the paper.
async fn apply(
    State(site): State<Site>,
    member: Member,
    headers: HeaderMap,
    payment: Body,
) -> Response {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // Some balancer has chosen the process.
    let chosen = said("x-desk").and_then(|number| number.parse().ok());
    let desk = &site.desks[chosen.unwrap_or(0_usize) % DESKS];
    let kiosk = said("x-number").unwrap_or("0").chars();
    let kiosk: String = kiosk.filter(char::is_ascii_digit).take(NUMBER).collect();
    match desk.certificate(member, &kiosk, payment).await {
        Ok(paper) => (members::private(), paper).into_response(),
        Err(Failed::Late) => refused(StatusCode::REQUEST_TIMEOUT, "the printer is busy\n"),
        Err(Failed::Gone) => refused(StatusCode::CONFLICT, "the document is not there\n"),
        Err(Failed::Stopped) => members::stopped(),
    }
}

fn refused(status: StatusCode, why: &'static str) -> Response {
    (status, members::private(), why).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Longer than any job waits.
    const LONG: Duration = Duration::from_secs(60);

    /// Whose papers two users get who apply together, at these desks, while a third one has the printer for so long; 0 is
    /// nobody's.
    async fn papers(variant: &str, desks: [usize; 2], busy: Duration) -> [usize; 2] {
        let members = Members::explored(2);
        let all = Desk::several(Rules::of(variant).unwrap(), &members, Folder::explored());
        for user in [1, 2] {
            let written = members
                .ledger
                .write(Member(user), format!("entry of {user}"));
            written.await.unwrap();
        }
        let printer = all[0].printer.lock().await;
        let apply = |at: usize| {
            let payment = Body::from("300 yen");
            all[desks[at]].certificate(Member(at + 1), "0", payment)
        };
        let (first, second, ()) = tokio::join!(apply(0), apply(1), async {
            if !busy.is_zero() {
                tokio::time::sleep(busy).await;
            }
            drop(printer);
        });
        [first, second].map(|paper| {
            let digit = paper.ok().and_then(|paper| paper.trim().chars().last());
            digit.map_or(0, |digit| digit.to_digit(10).unwrap() as usize)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn who_applies_together_gets_the_own_paper_unless_two_jobs_have_one_name() {
        let (own, crossed, late) = ([1, 2], [2, 0], [0, 0]);
        // At one desk, at two desks, and at two desks where the printer is not free in time.
        for (variant, expected) in [
            ("second", [crossed, crossed, late]),
            ("kiosk-number", [crossed, crossed, late]),
            ("turn-lost", [own, own, crossed]),
            ("lock-per-process", [own, crossed, late]),
            ("millisecond", [crossed, crossed, late]),
            ("counter", [own, crossed, late]),
            ("longer-time-out", [own, own, crossed]),
            ("own-job", [own, own, late]),
        ] {
            let found = [
                papers(variant, [0, 0], Duration::ZERO).await,
                papers(variant, [0, 1], Duration::ZERO).await,
                papers(variant, [0, 1], LONG).await,
            ];
            assert_eq!(found, expected, "{variant}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_times_the_time_is_enough_for_a_hundred_times_the_wait_and_no_more() {
        for (variant, busy, expected) in [
            ("turn-lost", 20, [1, 2]),
            ("turn-lost", 30, [2, 0]),
            ("longer-time-out", 30, [1, 2]),
            ("longer-time-out", 2_600, [2, 0]),
        ] {
            let found = papers(variant, [0, 1], Duration::from_millis(busy)).await;
            assert_eq!(found, expected, "{variant}, {busy} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_is_late_takes_its_document_along() {
        let members = Members::explored(1);
        let rules = Rules::of("own-job").unwrap();
        let [desk, _] = Desk::several(rules, &members, Folder::served().unwrap());
        let printer = desk.printer.lock().await;
        let late = desk.certificate(Member(1), "0", Body::empty()).await;
        assert!(matches!(late, Err(Failed::Late)), "{late:?}");
        assert!(desk.folder.is_empty());
        drop(printer);
        let paper = desk.certificate(Member(1), "0", Body::empty()).await;
        assert!(paper.unwrap().starts_with("Certificate of residence"));
    }
}
