//! Steps with nothing else under way: set-up, every request alone, read-back. Nothing is controlled in them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as _;
use tower_service::Service;

use super::body::{Body, BoxError};
use super::child::{Got, said};
use super::happened::{self, Happened, Unmet};
use super::panics;
use super::world::{Cast, Given, Told, World};
use crate::explore::StageError;
use crate::fire::exchange::Failure;
use crate::history::{Cause, Phase, StepRole};
use crate::scenario::Step;

impl<'a> World<'a> {
    /// Set-up and each-round steps of these users, one user after the other.
    ///
    /// # Errors
    /// When a step is not answered as the scenario expects.
    pub(super) async fn set_up<S, B>(
        &self,
        cast: &mut Cast<'a>,
        service: &S,
        users: &[usize],
    ) -> Result<(), StageError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone,
        B: http_body::Body<Error: Into<BoxError>>,
    {
        let scenario = self.scenario;
        for &user in users {
            let once = scenario.setup.iter().map(|step| (step, 0));
            let each = scenario.each_round.iter();
            let each = each.map(|step| (step, super::world::ROUND));
            for (step, round) in once.chain(each) {
                let place = (user, step, Phase::Setup, round);
                if let Err(unmet) = self.alone(cast, service, place).await? {
                    return Err(self.not_prepared(user, step, unmet));
                }
            }
        }
        Ok(())
    }

    fn not_prepared(&self, user: usize, step: &Step, unmet: Unmet) -> StageError {
        let name = &self.scenario.users.list()[user].name;
        let (what, refused) = match step.role {
            StepRole::LogIn => ("log-in", Cause::LogIn),
            _ => ("step", Cause::Step),
        };
        let (cause, why) = match unmet {
            Unmet::NoAnswer(why) => (Cause::Unreachable, why),
            Unmet::Answered(why) => (refused, why),
        };
        let why = format!("{what} `{}` of {name} did not succeed: {why}", step.name);
        StageError::new(cause, why)
    }

    /// One step; the inner error says why its answer is not what the step expects.
    ///
    /// # Errors
    /// When its request cannot be made.
    pub(super) async fn alone<S, B>(
        &self,
        cast: &mut Cast<'a>,
        service: &S,
        (user, step, phase, round): (usize, &'a Step, Phase, u32),
    ) -> Result<Result<(), Unmet>, StageError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone,
        B: http_body::Body<Error: Into<BoxError>>,
    {
        if !cast.sessions[user].can_send(step) {
            return Ok(Ok(()));
        }
        if step.wait_ms > 0 {
            tokio::time::sleep(Duration::from_millis(step.wait_ms)).await;
        }
        let made = self.make(cast, user, step, round)?;
        cast.told
            .extend(made.planted.into_iter().map(Told::Planted));
        let request = Given::new(step, &made.request)?.request();
        let mut got = Got::default();
        let exchanged = exchange(service.clone(), request, &mut got, self.keep);
        let limited = tokio::time::timeout(self.timeout, unpanicked(exchanged)).await;
        let why = match limited {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some(format!(
                "no whole answer within {} ms",
                self.timeout.as_millis()
            )),
        };
        let whole = happened::answer(&got).filter(|_| why.is_none());
        let result = whole
            .ok_or_else(|| happened::failure(why.as_deref().unwrap_or("there is no answer"), &got));
        let verdict = self.received(cast, user, step, made.request.url().as_ref(), &result);
        let (sent_us, done_us) = (cast.us, cast.us + 1);
        cast.us += 1;
        cast.told.push(Told::Happened(Happened {
            user,
            step,
            phase,
            line: made.line,
            sent_us,
            first_us: got.head.is_some().then_some(done_us),
            done_us,
            refused: matches!(verdict, Err(Unmet::Answered(_))),
            result,
            cancelled: false,
        }));
        Ok(verdict)
    }

    /// Takes what came into the user's session.
    pub(super) fn received(
        &self,
        cast: &mut Cast<'a>,
        user: usize,
        step: &Step,
        url: Option<&url::Url>,
        result: &Result<crate::fire::exchange::Answer, Failure>,
    ) -> Result<(), Unmet> {
        happened::weigh(&mut cast.sessions[user], step, url, result)
    }

    /// Every user's state, read back alone.
    ///
    /// # Errors
    /// When a request cannot be made.
    pub(super) async fn read_back<S, B>(
        &self,
        cast: &mut Cast<'a>,
        service: &S,
        users: &[usize],
        phase: Phase,
    ) -> Result<(), StageError>
    where
        S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>> + Clone,
        B: http_body::Body<Error: Into<BoxError>>,
    {
        for &user in users {
            for step in &self.scenario.read_back {
                let place = (user, step, phase, super::world::ROUND);
                // What it shows is for the judge to say.
                let _ = self.alone(cast, service, place).await?;
            }
        }
        Ok(())
    }
}

/// Asks the service and reads the whole answer into `got`.
async fn exchange<S, B>(
    mut service: S,
    request: Request<Body>,
    got: &mut Got,
    keep: usize,
) -> Result<(), String>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Into<BoxError>>,
    B: http_body::Body<Error: Into<BoxError>>,
{
    let refused = |error: S::Error| {
        let error: BoxError = error.into();
        format!("the service gave an error instead of an answer: {error}")
    };
    poll_fn(|context| service.poll_ready(context))
        .await
        .map_err(refused)?;
    let response = service.call(request).await.map_err(refused)?;
    let (parts, body) = response.into_parts();
    got.head = Some((parts.version, parts.status, parts.headers));
    let mut body = pin!(body);
    while !body.is_end_stream() {
        let frame = poll_fn(|context| body.as_mut().poll_frame(context)).await;
        match frame {
            None => break,
            Some(Err(error)) => {
                let error: BoxError = error.into();
                return Err(format!("the answer's body broke off: {error}"));
            }
            Some(Ok(frame)) => {
                if let Ok(mut data) = frame.into_data() {
                    got.take(&mut data, keep);
                }
            }
        }
    }
    Ok(())
}

/// A panic ends the exchange, as a server closes the connection.
async fn unpanicked(exchange: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let mut exchange = pin!(exchange);
    poll_fn(|context| {
        let mut exchange: Pin<&mut _> = exchange.as_mut();
        panics::caught(|| exchange.as_mut().poll(context))
            .unwrap_or_else(|panic| Err(format!("the service panicked: {}", said(&*panic))).into())
    })
    .await
}
