//! From two PEM files to a certificate chain that fits its private key.

use crate::text_file;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::rustls::{
    crypto::ring,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
    sign::CertifiedKey,
};
use x509_cert::der::Decode;

/// Why two files make no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: io::Error,
    },
    /// The file is not PEM, or holds something else.
    #[error("{}: no {expected} in PEM: {reason}", path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What the parser says.
        reason: pem::Error,
    },
    /// The two do not go together, or are of a kind that is not supported.
    #[error("{} and {}: {reason}", cert.display(), key.display())]
    Unfit {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls says.
        reason: tokio_rustls::rustls::Error,
    },
}

/// The paths of certificate and key.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

/// What new connections get.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// When the first certificate of the chain stops being good, in seconds since 1970. `None`:
    /// none says so in a way that is understood here.
    pub(super) not_after: Option<u64>,
}

/// What the files hold at one moment.
#[derive(PartialEq, Eq, Clone)]
pub(super) struct Content {
    cert: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    pub(super) fn read(&self) -> Result<Content, CertificateError> {
        Ok(Content { cert: read(&self.cert)?, key: read(&self.key)? })
    }

    /// The certificate, checked to be of this key.
    pub(super) fn parse(&self, content: &Content) -> Result<Certificate, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(&content.cert)
            .collect::<Result<Vec<_>, _>>()
            .and_then(
                |chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) },
            )
            .map_err(|reason| CertificateError::NotPem {
                path: self.cert.clone(),
                expected: "certificate",
                reason,
            })?;
        let key = PrivateKeyDer::from_pem_slice(&content.key).map_err(|reason| {
            CertificateError::NotPem { path: self.key.clone(), expected: "private key", reason }
        })?;
        let not_after = chain.iter().filter_map(not_after).min();
        let unfit = |reason| CertificateError::Unfit {
            cert: self.cert.clone(),
            key: self.key.clone(),
            reason,
        };
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(unfit)?;
        Ok(Certificate { key: Arc::new(key), not_after })
    }
}

fn not_after(certificate: &CertificateDer<'_>) -> Option<u64> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs())
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    text_file::read_bytes(path)
        .map_err(|reason| CertificateError::Unreadable { path: path.to_owned(), reason })
}
