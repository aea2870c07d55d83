//! TLS: client certificates, certificates that are not checked.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;

use super::service::{Service, ok, run, scenario};

/// Somebody who vouches for certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this machine, and its key.
    fn vouch(&self) -> (rcgen::Certificate, KeyPair) {
        let names = vec!["127.0.0.1".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("parameters");
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        (certificate, key)
    }
}

/// What a server needs that `authority` vouches for; with `clients`, it wants certificates of that one.
pub(super) fn serving(
    authority: &Authority,
    clients: Option<&Authority>,
    protocols: &[&[u8]],
) -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            let root: &CertificateDer<'static> = clients.0.der();
            roots.add(root.clone()).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let (certificate, key) = authority.vouch();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let mut config = builder
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("a certificate");
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

const ASK: &str = "[[setup]]\nname = \"ask\"\npath = \"/ask\"";

#[test]
fn a_client_certificate_is_shown_to_who_asks_for_one() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let service = Service::over(Some(serving(&servers, Some(&clients), &[])), |_| ok());
    let mut scenario = scenario(1, ASK);
    scenario.network.ca = Some(servers.pem());
    let (certificate, key) = clients.vouch();
    scenario.network.client_certificate = Some(certificate.pem());
    scenario.network.client_key = Some(key.serialize_pem());
    run(&scenario, &service.url()).completed();
    assert_eq!(service.lines(), ["GET /ask"]);
}

#[test]
fn a_server_that_wants_a_client_certificate_says_so() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let service = Service::over(Some(serving(&servers, Some(&clients), &[])), |_| ok());
    let mut scenario = scenario(1, ASK);
    scenario.network.ca = Some(servers.pem());
    let ran = run(&scenario, &service.url());
    assert!(ran.why().contains("--client-cert FILE"), "{}", ran.why());
    assert!(service.lines().is_empty());
}

#[test]
fn a_client_key_that_is_none_is_told_without_being_quoted() {
    let service = Service::over(Some(serving(&Authority::new(), None, &[])), |_| ok());
    let mut scenario = scenario(1, ASK);
    let (certificate, _) = Authority::new().vouch();
    scenario.network.client_certificate = Some(certificate.pem());
    let ran = run(&scenario, &service.url());
    assert!(ran.why().contains("no client key"), "{}", ran.why());
    scenario.network.client_key = Some("hunter2".to_owned());
    let ran = run(&scenario, &service.url());
    let why = ran.why();
    assert!(
        why.contains("no private key") && !why.contains("hunter2"),
        "{why}"
    );
    let (_, other) = Authority::new().vouch();
    scenario.network.client_key = Some(other.serialize_pem());
    let ran = run(&scenario, &service.url());
    assert!(ran.why().contains("cannot be used"), "{}", ran.why());
}

#[test]
fn an_unknown_authority_is_accepted_only_when_nothing_is_to_be_checked_and_that_is_told() {
    let service = Service::over(Some(serving(&Authority::new(), None, &[])), |_| ok());
    let mut scenario = scenario(1, ASK);
    let ran = run(&scenario, &service.url());
    assert!(ran.why().contains("--ca FILE"), "{}", ran.why());
    scenario.network.insecure = true;
    let ran = run(&scenario, &service.url()).completed();
    assert!(ran.notes()[0].contains("not checked (insecure)"));
}
