//! A certificate for the sides with TLS, generated for each run; the load generator trusts only
//! this one.

use anyhow::{Context, Result};
use std::{fs, path::Path, path::PathBuf, sync::Arc};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Certificate and key, as files, and a client that trusts them.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// PEM.
    pub certificate: PathBuf,
    /// PEM.
    pub key: PathBuf,
    pub(super) client: Arc<ClientConfig>,
}

impl Certificate {
    /// Writes both into the folder.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn generate(folder: &Path) -> Result<Self> {
        let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .context("generating a certificate")?;
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        fs::write(&certificate, generated.cert.pem())?;
        fs::write(&key, generated.signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(generated.cert.der().clone())?;
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { certificate, key, client: Arc::new(client) })
    }
}
