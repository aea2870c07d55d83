//! What a target is: its fault class, its variants, and how one of them is started or called in process.

mod class;
mod expected;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::explored::Explored;
use crate::options::StoreKind;
use crate::start_error::StartError;
use crate::targets;

pub use class::{ClassInfo, Incident, Trigger};
pub use expected::{Engine, Expected, Sees};
pub(crate) use expected::{IN_RACE, IN_SEQUENCE, NOTHING};

/// A model service.
#[derive(Clone, Copy)]
pub struct TargetInfo {
    /// The name to start it by.
    pub name: &'static str,
    /// One line on what it models.
    pub title: &'static str,
    /// The fault class that it models.
    pub class: ClassInfo,
    /// A page of Markdown: what happened in reality, which state was shared, who wrote it, who read it and when; why the
    /// tempting repair fails, and why the repair holds.
    pub story: &'static str,
    /// Name of the shipped scenario that runs it with every engine.
    pub scenario: &'static str,
    /// Its variants, the fault first.
    pub variants: &'static [VariantInfo],
    pub(crate) build: fn(Setup) -> Building,
    /// From a variant's name and a number of users.
    pub(crate) explore: fn(&'static str, usize) -> Result<Factory, StartError>,
}

impl fmt::Debug for TargetInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("TargetInfo")
            .field("name", &self.name)
            .field("variants", &self.variants)
            .finish()
    }
}

/// One way in which a target is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariantInfo {
    /// The name to start it by.
    pub name: &'static str,
    /// What it is there to show.
    pub role: Role,
    /// One line on how it works.
    pub line: &'static str,
    /// What the engines are expected to say of it, run with [`TargetInfo::scenario`].
    pub expected: &'static [Expected],
}

impl VariantInfo {
    pub(crate) const fn new(
        name: &'static str,
        role: Role,
        line: &'static str,
        expected: &'static [Expected],
    ) -> Self {
        Self {
            name,
            role,
            line,
            expected,
        }
    }
}

/// What a variant is there to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The defect.
    Fault,
    /// The repair that looks right and is not.
    Tempting,
    /// A right repair.
    Fixed,
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Fault => "fault",
            Self::Tempting => "tempting",
            Self::Fixed => "fixed",
        })
    }
}

/// What a target is built from.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) variant: &'static str,
    pub(crate) store: StoreKind,
    pub(crate) users: usize,
    pub(crate) store_delay: Duration,
    pub(crate) tls: bool,
}

impl Setup {
    /// Takes out the address of the store that the class's own data is to be in; what remains is kept here.
    ///
    /// # Errors
    /// When it is not a loopback address: what is sent is not encrypted, and nobody logs in.
    pub(crate) fn take_remote(&mut self) -> Result<Option<SocketAddr>, StartError> {
        let StoreKind::Remote(address) = self.store else {
            return Ok(None);
        };
        if !address.ip().is_loopback() {
            let why = format!("{address} is not a loopback address");
            return Err(StartError::store(why));
        }
        self.store = StoreKind::Temporary;
        Ok(Some(address))
    }
}

/// A target being built.
pub(crate) type Building = Pin<Box<dyn Future<Output = Result<Router, StartError>> + Send>>;

/// Makes a fresh service at each call.
pub(crate) type Factory = Arc<dyn Fn() -> Explored + Send + Sync>;

/// A target to be called in process, as an explorer of schedules does it: at each call a fresh service over a fresh store
/// in memory, in which so many users are seeded. What costs much is done once, here. Its answers depend on nothing but the
/// requests and the order of their steps, and before each use of the store another request can go on.
///
/// ```
/// let service = crosswire_targets::explorable("mail", "shared-note", 2)?;
/// let (first, second) = (service(), service());
/// # drop((first, second));
/// # Ok::<(), crosswire_targets::StartError>(())
/// ```
///
/// # Errors
/// A [`StartError`] that says what is unknown, or that there are too many users.
pub fn explorable(
    target: &str,
    variant: &str,
    users: usize,
) -> Result<impl Fn() -> Explored + Clone + Send + Sync + 'static, StartError> {
    let (target, variant) = find(target, variant)?;
    let factory = (target.explore)(variant.name, users)?;
    Ok(move || factory())
}

/// The target and variant of these names.
pub(crate) fn find(
    target: &str,
    variant: &str,
) -> Result<(&'static TargetInfo, &'static VariantInfo), StartError> {
    let info = targets().iter().find(|info| info.name == target);
    let info = info.ok_or_else(|| StartError::unknown_target(targets(), target))?;
    let found = info.variants.iter().find(|known| known.name == variant);
    Ok((
        info,
        found.ok_or_else(|| StartError::unknown_variant(info, variant))?,
    ))
}
