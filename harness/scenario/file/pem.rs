//! Reads certificates and keys: from a file that the scenario names, or as they stand in its text.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fields::Fields;
use super::texts::Compiler;
use crate::scenario::error::Fault;
use crate::scenario::written::Written;

/// Largest file of certificates or of a key, in bytes.
const PEM_LIMIT: usize = 1 << 20;
const MARK: &str = "-----BEGIN ";

/// What is expected in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pem {
    /// At least one certificate.
    Certificates,
    /// A private key.
    Key,
}

/// The content of `key`: a path, or PEM itself (out of the environment, for instance).
pub(super) fn read_pem(
    fields: &Fields<'_>,
    key: &str,
    what: Pem,
    compiler: &mut Compiler<'_>,
    written: &mut Written,
) -> Result<Option<String>, Fault> {
    let Some(given) = fields.text(key)? else {
        return Ok(None);
    };
    let meant = compiler.plain(&given, what == Pem::Key)?;
    let fault = |message: String, label: &str, hint: &str| {
        Err(Fault::new(given.span.clone(), message, label).hint(hint))
    };
    let content = if meant.contains(MARK) {
        meant
    } else {
        let bytes = compiler.file_at(&given, &meant)?;
        if bytes.len() > PEM_LIMIT {
            let message = format!("`{key}` has more than the {PEM_LIMIT} bytes that it may have");
            return fault(
                message,
                "too large",
                "name a file with the certificates that are needed",
            );
        }
        match String::from_utf8(bytes) {
            Ok(content) => content,
            Err(_) => {
                let message = format!("the file of `{key}` is no text");
                return fault(
                    message,
                    "not PEM",
                    "convert it: `openssl x509 -inform der -in FILE -out FILE.pem` for a certificate, `openssl pkey` for a key",
                );
            }
        }
    };
    match what {
        Pem::Certificates if !has_certificates(&content) => fault(
            format!("`{key}` holds no certificate in PEM"),
            "no certificate",
            "a certificate begins with `-----BEGIN CERTIFICATE-----`",
        ),
        Pem::Key if content.contains("-----BEGIN ENCRYPTED PRIVATE KEY") => fault(
            format!("`{key}` is encrypted, and crosswire asks for no password"),
            "an encrypted key",
            "write it without: `openssl pkey -in FILE -out FILE.plain`",
        ),
        Pem::Key if PrivateKeyDer::from_pem_slice(content.as_bytes()).is_err() => fault(
            format!("`{key}` holds no private key in PEM"),
            "no private key",
            "a key begins with `-----BEGIN PRIVATE KEY-----`, or with `RSA` or `EC` in it",
        ),
        Pem::Certificates | Pem::Key => {
            written.note(key, &content, given.text);
            Ok(Some(content))
        }
    }
}

/// Whether there is at least one certificate, and nothing that is none.
fn has_certificates(content: &str) -> bool {
    let mut certificates = CertificateDer::pem_slice_iter(content.as_bytes()).peekable();
    certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
}
