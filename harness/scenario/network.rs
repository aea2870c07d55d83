//! How the target is reached: further hosts, certificates, proxy, addresses; and what every request of a session carries.

use std::collections::BTreeMap;
use std::fmt;

use super::settings::Bounds;
use super::status::StatusRule;

/// How connections to the target are opened. Certificates and keys are contents (PEM), not paths.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// Certificates trusted besides the system's.
    pub ca: Option<String>,
    /// The client's certificate chain; with [`Network::client_key`].
    pub client_certificate: Option<String>,
    /// The client's private key.
    pub client_key: Option<String>,
    /// Certificates are not checked.
    pub insecure: bool,
    /// `socks5://host:port` or `http://host:port`, with `user:password@` where the proxy asks for it.
    pub proxy: Option<String>,
    /// `host:port` → address, or address and port, that is connected to instead.
    pub resolve: BTreeMap<String, String>,
}

/// Shows neither keys nor the proxy's password.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("ca", &self.ca.is_some())
            .field("client_certificate", &self.client_certificate.is_some())
            .field("insecure", &self.insecure)
            .field("proxy", &self.proxy.is_some())
            .field("resolve", &self.resolve)
            .finish_non_exhaustive()
    }
}

/// What holds for every request of a session, besides the headers, which the steps carry themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// Whether steps that run alone follow redirects, unless they say otherwise themselves.
    pub redirects: bool,
    /// Redirects followed in a row. Within [`SessionSettings::MAX_REDIRECTS`].
    pub max_redirects: u32,
    /// Answers after which the session is refreshed and the step sent again, once.
    pub refresh_status: StatusRule,
    /// Seconds after which the session is refreshed before the next step that runs alone.
    pub refresh_after_s: Option<u64>,
}

impl SessionSettings {
    /// Bounds of [`SessionSettings::max_redirects`].
    pub const MAX_REDIRECTS: Bounds = Bounds::new(1, 10, 50);
    /// Bounds of [`SessionSettings::refresh_after_s`].
    pub const REFRESH_AFTER_S: Bounds = Bounds::new(1, 240, 86_400);
}

impl Default for SessionSettings {
    fn default() -> SessionSettings {
        SessionSettings {
            redirects: true,
            max_redirects: 10,
            refresh_status: StatusRule::code(401),
            refresh_after_s: None,
        }
    }
}
