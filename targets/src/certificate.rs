//! The certificate of a server that speaks TLS: made at its start, signed by itself, valid for this machine's own names.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::start_error::StartError;

/// The names that the certificate is valid for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The protocols offered, the better one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a client needs to trust a server.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) der: Vec<u8>,
}

/// A new certificate, and what serves with it.
pub(crate) fn issue() -> Result<(Certificate, TlsAcceptor), StartError> {
    let made =
        rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).map_err(StartError::system)?;
    let certificate = Certificate {
        pem: made.cert.pem(),
        der: made.cert.der().to_vec(),
    };
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)
        })
        .map_err(StartError::system)?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok((certificate, TlsAcceptor::from(Arc::new(config))))
}
