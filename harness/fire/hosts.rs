//! The hosts of a run: the target, and those that the scenario names besides it.

use super::Plan;
use super::dial::Dial;
use crate::scenario::{Protocol, Step};

/// Which host: its place in [`Hosts`]. The target's own is [`TARGET`].
pub(crate) type HostId = usize;

/// The host of steps that name none.
pub(crate) const TARGET: HostId = 0;

/// All hosts, looked up.
pub(crate) struct Hosts {
    /// The target first, then the named ones.
    all: Vec<Host>,
}

struct Host {
    /// What steps call it; empty for the target.
    name: String,
    dial: Dial,
}

impl Hosts {
    /// Looks them all up.
    ///
    /// # Errors
    /// A sentence that says which host is at fault, and how.
    pub(crate) async fn new(plan: &Plan<'_>, protocol: Protocol) -> Result<Hosts, String> {
        let network = &plan.scenario.network;
        let mut tls = None;
        let named = plan.scenario.hosts.iter();
        let urls = std::iter::once(("", plan.base_url.as_str()))
            .chain(named.map(|(name, url)| (name.as_str(), url.as_str())));
        let mut all = Vec::new();
        for (name, url) in urls {
            let trusted = plan.trusted_pem.as_deref();
            let dial = Dial::over(network, trusted, &mut tls, url, protocol).await?;
            let name = name.to_owned();
            all.push(Host { name, dial });
        }
        Ok(Hosts { all })
    }

    /// The target alone, which is in this process.
    ///
    /// # Errors
    /// A sentence, when its base URL is none.
    #[cfg(feature = "explore")]
    pub(crate) fn here(base_url: &str) -> Result<Hosts, String> {
        let (name, dial) = (String::new(), Dial::here(base_url)?);
        Ok(Hosts {
            all: vec![Host { name, dial }],
        })
    }

    /// Where the step goes.
    pub(crate) fn of(&self, step: &Step) -> HostId {
        let Some(name) = &step.host else {
            return TARGET;
        };
        // A scenario names no host that it does not have; one that was changed afterwards may.
        self.all
            .iter()
            .skip(1)
            .position(|host| host.name == *name)
            .map_or(TARGET, |place| place + 1)
    }

    pub(crate) fn dial(&self, host: HostId) -> &Dial {
        &self.all[host].dial
    }

    pub(crate) fn dial_mut(&mut self, host: HostId) -> &mut Dial {
        &mut self.all[host].dial
    }

    pub(crate) fn base(&self, host: HostId) -> &url::Url {
        &self.dial(host).base
    }

    pub(crate) fn ids(&self) -> std::ops::Range<HostId> {
        0..self.all.len()
    }

    /// The host that a URL leads to, the present one when it does; none when the scenario names none.
    pub(crate) fn leading_to(&self, url: &url::Url, present: HostId) -> Option<HostId> {
        std::iter::once(present)
            .chain(self.ids())
            .find(|host| self.base(*host).origin() == url.origin())
    }
}
