//! TLS in the server itself: certificate and key from files, taken over again when these change.
//!
//! The handshake and HTTP run on `tokio_rustls`; an upgraded connection's session is taken out of
//! it and driven by `transport`, which any task may write to. Relies on rustls with the
//! `ring` provider; TLS 1.2 and 1.3.
//!
//! | module | idea |
//! |---|---|
//! | `certificate` | from two files to a certificate that fits its key |
//! | `reload` | follows the files |

mod certificate;
mod reload;

pub(crate) use certificate::CertificateError;

use crate::{config, files::ReadError, metrics::Meter};
use certificate::Files;
use reload::Current;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring},
    server::TlsStream,
};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Only one of the two files is configured.
    #[error("tls: {given} is given and {missing} is not; TLS needs both")]
    Half {
        /// The key of the configuration that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// One of the files.
    #[error("tls: {0}")]
    Certificate(#[from] CertificateError),
    /// The provider does not support what we ask of it.
    #[error("tls: {0}")]
    Provider(#[from] tokio_rustls::rustls::Error),
}

/// Makes TLS of TCP connections.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

impl Tls {
    /// Reads the files. `None`: none are configured. `meter` is told when the certificate expires,
    /// and of changes that failed.
    ///
    /// # Errors
    /// [`TlsError`] names the file and the reason.
    pub(crate) fn load(config: &config::Tls, meter: Arc<Meter>) -> Result<Option<Self>, TlsError> {
        let (cert, key) = match (&config.cert_file, &config.key_file) {
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err(TlsError::Half { given: "tls.cert_file", missing: "tls.key_file" });
            }
            (None, Some(_)) => {
                return Err(TlsError::Half { given: "tls.key_file", missing: "tls.cert_file" });
            }
        };
        let current = Arc::new(Current::load(Files { cert, key }, meter)?);
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: TlsAcceptor::from(Arc::new(server)), current }))
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// The client does not speak TLS, or none that is safe, or took longer than `limit`.
    pub(crate) async fn accept<S>(&self, stream: S, limit: Duration) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        timeout(limit, self.acceptor.accept(stream))
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Follows the files for ever. Open connections are not affected. Cancel-safe.
    pub(crate) async fn follow_files(&self) {
        self.current.follow().await;
    }

    /// Takes over what the files hold now. Open connections are not affected. Cancel-safe.
    ///
    /// # Errors
    /// The certificate stays as it is.
    pub(crate) async fn reload(&self) -> Result<(), ReadError<CertificateError>> {
        self.current.reload().await
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("current", &self.current).finish_non_exhaustive()
    }
}
