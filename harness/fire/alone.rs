//! A step with nothing else under way: waiting, refreshing the session, following redirects, and what its answer means.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::dial::explained;
use super::exchange::{Answer, Done, Failure, Request};
use super::redirect::{self, Next};
use super::run::{Halt, Run};
use super::session::{Draft, Line, Making, Outgoing, decoded};
use crate::history::{Cause, Ending, Phase, Planted, StepRole};
use crate::scenario::Step;

/// Why an exchange was not what its step expects.
pub(crate) enum Unmet {
    /// No whole answer came.
    NoAnswer(String),
    /// An answer came, with another status or without what is to be captured.
    Answered(String),
    /// Its session is stale and could not be refreshed: it was not sent, or not again.
    Stale {
        /// What went wrong with the refresh.
        why: String,
        /// What kind of thing that is.
        cause: Cause,
    },
}

impl Unmet {
    /// The reason, for people.
    pub(crate) fn why(self) -> String {
        match self {
            Unmet::NoAnswer(why) | Unmet::Answered(why) | Unmet::Stale { why, .. } => why,
        }
    }
}

/// What sending a step has come to.
enum Sent {
    /// Its last answer is there.
    Over(Result<(), Unmet>),
    /// The answer says that the session is stale.
    Stale,
}

/// A request ready to go, with what its record says of it.
pub(crate) struct Made {
    pub(crate) request: Request,
    pub(crate) line: Line,
    pub(crate) planted: Vec<Planted>,
}

/// Where and when an exchange takes place.
#[derive(Clone, Copy)]
struct Place {
    user: usize,
    phase: Phase,
    round: u32,
}

impl<'a> Run<'a> {
    /// One step with nothing else under way; the inner error says why its answer is not what the step expects.
    pub(crate) async fn alone(
        &mut self,
        user: usize,
        step: &'a Step,
        phase: Phase,
        round: u32,
    ) -> Result<Result<(), Unmet>, Halt> {
        let place = Place { user, phase, round };
        if self.left_out(user, step)? {
            return Ok(Ok(()));
        }
        self.wait(step.wait_ms).await?;
        let refreshes = self.refreshes(step);
        if refreshes
            && self.has_aged(user)
            && let Err(unmet) = self.refresh(place, step).await?
        {
            return Ok(Err(unmet));
        }
        if step.faults.pipeline > 1 {
            return self.alone_pipelined(user, step, phase, round).await;
        }
        if let Sent::Over(verdict) = self.send(place, step, refreshes).await? {
            return Ok(verdict);
        }
        if let Err(unmet) = self.refresh(place, step).await? {
            return Ok(Err(unmet));
        }
        match self.send(place, step, false).await? {
            Sent::Over(verdict) => Ok(verdict),
            Sent::Stale => Ok(Ok(())),
        }
    }

    /// Does nothing for a while, but looks whether the run is to end.
    async fn wait(&self, wait_ms: u64) -> Result<(), Halt> {
        /// How soon a request to stop is noticed.
        const LOOK_MS: u64 = 50;
        let mut left = wait_ms;
        while left > 0 {
            self.admit(0)?;
            let nap = left.min(LOOK_MS);
            tokio::time::sleep(Duration::from_millis(nap)).await;
            left -= nap;
        }
        Ok(())
    }

    /// Whether a stale session is refreshed for this step: it uses the present one, and does not make it.
    fn refreshes(&self, step: &Step) -> bool {
        let makes = matches!(step.role, StepRole::LogIn | StepRole::LogOut);
        let uses = !step.anonymous && step.dead.is_none() && !step.faults.breaks_off();
        !self.scenario.refresh.is_empty() && uses && !makes
    }

    /// Whether the last log-in or refresh is as old as a session may become.
    fn has_aged(&self, user: usize) -> bool {
        let (Some(limit_s), Some(fresh_ns)) = (
            self.scenario.session.refresh_after_s,
            self.sessions[user].fresh_ns,
        ) else {
            return false;
        };
        let age_ns = self.bounds.clock.now().saturating_sub(fresh_ns);
        age_ns >= limit_s.saturating_mul(1_000_000_000)
    }

    /// Runs the refresh steps for a user; the inner error says why the step they run for cannot be sent.
    async fn refresh(&mut self, place: Place, step: &Step) -> Result<Result<(), Unmet>, Halt> {
        let scenario = self.scenario;
        for refresh in &scenario.refresh {
            self.wait(refresh.wait_ms).await?;
            let verdict = match self.send(place, refresh, false).await? {
                Sent::Over(verdict) => verdict,
                Sent::Stale => Ok(()),
            };
            if let Err(unmet) = verdict {
                let cause = match (&unmet, refresh.role) {
                    (Unmet::NoAnswer(_), _) => Cause::Unreachable,
                    (_, StepRole::LogIn) => Cause::LogIn,
                    _ => Cause::Step,
                };
                let (step, refresh, why) = (&step.name, &refresh.name, unmet.why());
                let why = format!(
                    "`{step}` needs a fresh session, and `{refresh}` did not succeed: {why}"
                );
                return Ok(Err(Unmet::Stale { why, cause }));
            }
        }
        self.sessions[place.user].fresh_ns = Some(self.bounds.clock.now());
        Ok(Ok(()))
    }

    /// Sends a step and follows its redirects, each hop an exchange of its own.
    async fn send(&mut self, place: Place, step: &'a Step, refreshes: bool) -> Result<Sent, Halt> {
        let Place { user, phase, round } = place;
        let Draft {
            mut outgoing,
            mut line,
            planted,
        } = self.draft(user, step, round)?;
        self.record_planted(planted)?;
        let mut taken = BTreeSet::new();
        let mut hops = 0;
        loop {
            self.pace(1).await?;
            let request = self.sessions[user].dressed(step, &outgoing, &self.pool.hosts);
            let (number, mut done) = self.exchanged(user, outgoing.host, &request).await?;
            if let Ok(answer) = &done.result {
                self.heard(user, step, &request, answer, hops == 0);
                let stale = &self.scenario.session.refresh_status;
                if refreshes && stale.accepts(answer.status) && !step.status.accepts(answer.status)
                {
                    done.followed = true;
                    self.record_exchange(user, step, phase, round, None, number, line, done)?;
                    return Ok(Sent::Stale);
                }
            }
            match self.next(step, &outgoing, &request, &done, hops) {
                Next::Hop(next) => {
                    hops += 1;
                    if let Ok(answer) = &done.result {
                        self.sessions[user].capture_cookies(step, answer, &mut taken);
                    }
                    let next_line = self.hop_line(user, &next, &line);
                    let this = std::mem::replace(&mut line, next_line);
                    done.followed = true;
                    self.record_exchange(user, step, phase, round, None, number, this, done)?;
                    outgoing = next;
                }
                Next::Nothing => {
                    let verdict = self.weighed(user, step, &mut done, &taken);
                    self.record_exchange(user, step, phase, round, None, number, line, done)?;
                    return Ok(Sent::Over(verdict));
                }
                Next::Refused(why) => {
                    done.refused = true;
                    self.record_exchange(user, step, phase, round, None, number, line, done)?;
                    return Ok(Sent::Over(Err(Unmet::Answered(why))));
                }
            }
        }
    }

    /// What is to be sent after this answer, if anything.
    fn next(
        &self,
        step: &Step,
        sent: &Outgoing,
        request: &Request,
        done: &Done,
        hops: u32,
    ) -> Next {
        let session = &self.scenario.session;
        let Ok(answer) = &done.result else {
            return Next::Nothing;
        };
        if !redirect::follows(step, answer.status, session.redirects) {
            return Next::Nothing;
        }
        let hosts = &self.pool.hosts;
        match redirect::next(sent, request, answer.status, &answer.head, hosts) {
            Next::Hop(_) if hops >= session.max_redirects => Next::Refused(format!(
                "it was redirected more than {} times in a row",
                session.max_redirects
            )),
            next => next,
        }
    }

    /// What the record says of a request that follows on another one.
    fn hop_line(&self, user: usize, next: &Outgoing, before: &Line) -> Line {
        let nonce = before.nonce.as_ref().filter(|nonce| {
            let holds = memchr::memmem::find(&next.body, nonce.as_bytes()).is_some();
            holds || next.path.contains(nonce.as_str())
        });
        let mut request = self.sessions[user].line(next, &self.redactor);
        request.path = redirect::without_long_values(&request.path);
        Line {
            request,
            nonce: nonce.cloned(),
        }
    }

    /// One request and its answer, and the number of the connection.
    async fn exchanged(
        &mut self,
        user: usize,
        host: usize,
        request: &Request,
    ) -> Result<(u32, Done), Halt> {
        let key = self.key(user, host);
        let (mut connection, reused) = self.pool.take(key).await.map_err(unreachable)?;
        let mut done = connection.exchange(request, self.bounds).await;
        // A server may close an idle connection in the very moment in which it is used again: asked anew, as browsers do.
        if reused && done.result.as_ref().is_err_and(Failure::closed_idle) {
            let text =
                "a request was sent again, on a new connection: the server had closed the idle one";
            self.note(text.to_owned())?;
            connection = self.pool.fresh(host).await.map_err(unreachable)?;
            done = connection.exchange(request, self.bounds).await;
        }
        let number = connection.number;
        self.pool.put(key, connection);
        Ok((number, done))
    }

    /// Takes an answer in a volley into the user's session; the error says why it is not what the step expects.
    pub(crate) fn received(
        &mut self,
        user: usize,
        step: &Step,
        request: &Request,
        done: &mut Done,
    ) -> Result<(), Unmet> {
        let mut taken = BTreeSet::new();
        if let Ok(answer) = &done.result {
            self.heard(user, step, request, answer, true);
            if self.leads_on(step, answer) {
                // Alone, what the step expects and captures is looked for where the redirect leads, but for cookies.
                self.sessions[user].capture_cookies(step, answer, &mut taken);
                done.refused = !step.status.accepts(answer.status);
                if !done.refused {
                    let now_ns = self.bounds.clock.now();
                    self.sessions[user].accept(step, now_ns);
                }
                return Ok(());
            }
        }
        self.weighed(user, step, done, &taken)
    }

    /// Whether the answer is a redirect that is followed when the step runs alone.
    fn leads_on(&self, step: &Step, answer: &Answer) -> bool {
        let wanted = self.scenario.session.redirects;
        redirect::follows(step, answer.status, wanted)
            && redirect::location(answer.status, &answer.head).is_some()
    }

    /// Takes what the service hands out with an answer; `first` when it is the step's first one.
    fn heard(&mut self, user: usize, step: &Step, request: &Request, answer: &Answer, first: bool) {
        let session = &mut self.sessions[user];
        let url = request.url();
        match first {
            true => session.receive(step, url.as_ref(), answer),
            false => session.keep_cookies(step, url.as_ref(), answer),
        }
    }

    /// Weighs a step's last answer and keeps what it captures; `taken` is what earlier ones gave already.
    fn weighed(
        &mut self,
        user: usize,
        step: &Step,
        done: &mut Done,
        taken: &BTreeSet<String>,
    ) -> Result<(), Unmet> {
        let on_purpose = step.faults.breaks_off();
        let answer = match &done.result {
            Err(_) if on_purpose => return Ok(()),
            Err(failure) => return Err(Unmet::NoAnswer(explained(&failure.why))),
            Ok(answer) => answer,
        };
        if step.dead.is_some() {
            // Being turned away is what is hoped for.
            let hoped = matches!(answer.status, 300..=399 | 401 | 403);
            done.refused = !hoped && !step.status.accepts(answer.status);
            return Ok(());
        }
        let body = decoded(answer);
        let captured = self.sessions[user].capture(step, answer, &body, taken);
        let why = match step.status.accepts(answer.status) {
            true => step
                .expectations()
                .unmet(&answer.head, &body)
                .or(captured.err()),
            false => Some(format!("it was answered {}", answer.status)),
        };
        done.refused = why.is_some();
        if !done.refused {
            let now_ns = self.bounds.clock.now();
            self.sessions[user].accept(step, now_ns);
        }
        match why {
            Some(why) if !on_purpose => Err(Unmet::Answered(why)),
            _ => Ok(()),
        }
    }

    fn draft(&mut self, user: usize, step: &Step, round: u32) -> Result<Draft, Halt> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = since.map_or(0, |since| since.as_millis());
        let mut making = Making {
            scenario: self.scenario,
            hosts: &self.pool.hosts,
            redactor: &self.redactor,
            mint: &mut self.mint,
            rng: &mut self.text_rng,
            now_ms: u64::try_from(now_ms).unwrap_or(u64::MAX),
        };
        self.sessions[user]
            .draft(step, round, &mut making)
            .map_err(|why| {
                let cause = Cause::Step;
                Halt::End(Ending::Failed { why, cause })
            })
    }

    /// A step's request for a volley.
    pub(crate) fn make(&mut self, user: usize, step: &Step, round: u32) -> Result<Made, Halt> {
        let Draft {
            outgoing,
            line,
            planted,
        } = self.draft(user, step, round)?;
        Ok(Made {
            request: self.sessions[user].dressed(step, &outgoing, &self.pool.hosts),
            line,
            planted,
        })
    }
}

pub(crate) fn unreachable(why: String) -> Halt {
    Halt::End(Ending::Failed {
        why,
        cause: Cause::Unreachable,
    })
}
