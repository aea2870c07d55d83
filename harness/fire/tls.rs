//! TLS as a client: whom it trusts, who it says it is, which protocol it asks for.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

use crate::scenario::{Network, Protocol};

/// TLS for either protocol.
#[derive(Clone)]
pub(crate) struct Tls {
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Tls {
    /// Trusts the system's certificates, `also` (PEM) and the network's own; all of them when it says so.
    ///
    /// # Errors
    /// A sentence that says which certificate or key cannot be used.
    pub(crate) fn new(network: &Network, also: Option<&str>) -> Result<Tls, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let builder = if network.insecure {
            let verifier = Arc::new(Anybody { provider });
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        } else {
            builder.with_root_certificates(roots(&[also, network.ca.as_deref()])?)
        };
        let config = match identity(network)? {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the client certificate cannot be used: {error}"))?,
            None => builder.with_no_client_auth(),
        };
        let asking = |protocols: &[&[u8]]| {
            let mut config = config.clone();
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Ok(Tls {
            http1: asking(&[b"http/1.1"]),
            http2: asking(&[b"h2", b"http/1.1"]),
        })
    }

    /// What opens TLS for this protocol.
    pub(crate) fn connector(&self, protocol: Protocol) -> &TlsConnector {
        match protocol {
            Protocol::Http1 => &self.http1,
            Protocol::Http2 => &self.http2,
        }
    }
}

fn roots(given: &[Option<&str>]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Certificates of the system that cannot be read are not this run's business; a missing one shows at the handshake.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for pem in given.iter().flatten() {
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate
                .map_err(|error| format!("the given CA certificate is not PEM: {error}"))?;
            roots
                .add(certificate)
                .map_err(|error| format!("the given CA certificate cannot be used: {error}"))?;
        }
    }
    Ok(roots)
}

/// A certificate chain and the key of its first certificate.
type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's own certificate, when it has one.
fn identity(network: &Network) -> Result<Option<Identity>, String> {
    let (certificate, key) = match (&network.client_certificate, &network.client_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => return Err("there is a client certificate, but no client key".into()),
        (None, Some(_)) => return Err("there is a client key, but no client certificate".into()),
    };
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the client certificate is not PEM: {error}"))?;
    if chain.is_empty() {
        return Err("there is no certificate in the client certificate's file".to_owned());
    }
    // What is wrong with a key is told without a byte of it.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(
        |_| "the client key is no private key in PEM (PKCS #8, PKCS #1 or SEC1, not encrypted)",
    )?;
    Ok(Some((chain, key)))
}

/// Takes every server for the one that is meant.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
