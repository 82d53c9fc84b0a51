//! Follows the certificate's files. They are looked at, not watched: a mounted secret is exchanged
//! by renaming a folder far above, and a look at two small files costs nothing.
//!
//! A change is taken over once two looks in a row have found the same content: whoever writes the
//! files one after the other gets no warning for the moment in between.

use super::certificate::{Certificate, CertificateError, Content, Files};
use crate::{
    files::{ReadError, Reader},
    metrics::{Meter, Reloaded},
};
use parking_lot::{Mutex, RwLock};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// From one look to the next. Two looks, and the handshakes under way, stay well below the promised
/// 10 s.
const LOOK: Duration = Duration::from_secs(2);

/// The certificate that new connections get.
pub(super) struct Current {
    files: Files,
    /// For one look at a time.
    reader: tokio::sync::Mutex<Reader<Content, CertificateError>>,
    /// Taken over, or found to be no good.
    settled: Mutex<Content>,
    certificate: RwLock<Arc<CertifiedKey>>,
    meter: Arc<Meter>,
}

impl Current {
    pub(super) fn load(files: Files, meter: Arc<Meter>) -> Result<Self, CertificateError> {
        let content = files.read()?;
        let Certificate { key, not_after } = files.parse(&content)?;
        meter.certificate_expires(not_after);
        let reader = Reader::new(vec![files.cert.clone(), files.key.clone()]);
        Ok(Self {
            files,
            reader: reader.into(),
            settled: content.into(),
            certificate: key.into(),
            meter,
        })
    }

    /// Takes changes over, for ever. Cancel-safe.
    pub(super) async fn follow(&self) {
        let mut follower = Follower { of: self, changed: None, is_unreadable: false };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            follower.look().await;
        }
    }

    /// Takes over what the files hold now. Cancel-safe.
    pub(super) async fn reload(&self) -> Result<(), ReadError<CertificateError>> {
        let content = self.read().await?;
        self.take_over(content).map_err(ReadError::Failed)
    }

    async fn read(&self) -> Result<Content, ReadError<CertificateError>> {
        let files = self.files.clone();
        self.reader.lock().await.read(move || files.read()).await
    }

    fn take_over(&self, content: Content) -> Result<(), CertificateError> {
        let parsed = self.files.parse(&content);
        *self.settled.lock() = content;
        let Certificate { key, not_after } = parsed?;
        *self.certificate.write() = key;
        self.meter.certificate_expires(not_after);
        tracing::info!(file = %self.files.cert.display(), "new connections get a new certificate");
        Ok(())
    }
}

/// What the looks have found so far.
struct Follower<'a> {
    of: &'a Current,
    /// Seen once.
    changed: Option<Content>,
    is_unreadable: bool,
}

impl Follower<'_> {
    async fn look(&mut self) {
        let content = match self.of.read().await {
            Ok(content) => content,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    self.stays(&error);
                }
                return;
            }
        };
        self.is_unreadable = false;
        if content == *self.of.settled.lock() {
            self.changed = None;
        } else if self.changed.as_ref() != Some(&content) {
            self.changed = Some(content);
        } else {
            self.changed = None;
            if let Err(error) = self.of.take_over(content) {
                self.stays(&error);
            }
        }
    }

    fn stays(&self, error: &dyn std::error::Error) {
        self.of.meter.count_failed_reload(Reloaded::Certificate);
        tracing::warn!(%error, "the certificate stays as it is");
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.certificate.read().clone())
    }
}

impl std::fmt::Debug for Current {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Current").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn write(folder: &Path, name: &str) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
        fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    }

    fn files(folder: &Path) -> Files {
        Files { cert: folder.join("cert.pem"), key: folder.join("key.pem") }
    }

    fn load(folder: &Path) -> Current {
        Current::load(files(folder), Arc::default()).unwrap()
    }

    fn follower(current: &Current) -> Follower<'_> {
        Follower { of: current, changed: None, is_unreadable: false }
    }

    fn failures(current: &Current) -> u64 {
        current.meter.failed_reloads().map(|(_, count)| count).sum()
    }

    #[tokio::test]
    async fn a_change_is_taken_over_at_the_second_look() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example");
        let current = load(folder.path());
        let first = current.certificate.read().clone();
        let mut follower = follower(&current);
        write(folder.path(), "b.example");
        follower.look().await;
        assert!(Arc::ptr_eq(&first, &current.certificate.read()));
        follower.look().await;
        assert_ne!(first.cert, current.certificate.read().cert);
    }

    #[tokio::test]
    async fn what_does_not_fit_or_is_gone_changes_nothing_and_what_fits_again_does() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example");
        let current = load(folder.path());
        let first = current.certificate.read().clone();
        let mut follower = follower(&current);
        let old_key = fs::read(folder.path().join("key.pem")).unwrap();
        write(folder.path(), "b.example");
        let new_key = fs::read(folder.path().join("key.pem")).unwrap();
        for (broken, failed) in [(Some(old_key.as_slice()), 1), (Some(b"nothing"), 2), (None, 3)] {
            match broken {
                Some(content) => fs::write(folder.path().join("key.pem"), content).unwrap(),
                None => fs::remove_file(folder.path().join("key.pem")).unwrap(),
            }
            for _ in 0..3 {
                follower.look().await;
            }
            assert!(Arc::ptr_eq(&first, &current.certificate.read()), "{broken:?}");
            assert_eq!(failures(&current), failed, "each is told once");
        }
        fs::write(folder.path().join("key.pem"), new_key).unwrap();
        follower.look().await;
        follower.look().await;
        assert_ne!(first.cert, current.certificate.read().cert);
    }

    #[tokio::test]
    async fn a_reload_takes_over_at_once_or_says_why_not_and_is_not_done_again() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example");
        let current = load(folder.path());
        let mut follower = follower(&current);
        let first = current.certificate.read().clone();
        write(folder.path(), "b.example");
        current.reload().await.unwrap();
        let second = current.certificate.read().clone();
        assert_ne!(first.cert, second.cert);
        fs::write(folder.path().join("cert.pem"), "nothing").unwrap();
        assert!(
            current
                .reload()
                .await
                .unwrap_err()
                .to_string()
                .contains("cert.pem: no certificate in PEM")
        );
        for _ in 0..3 {
            follower.look().await;
        }
        assert!(Arc::ptr_eq(&second, &current.certificate.read()));
        assert_eq!(failures(&current), 0, "who asked for the reload was told");
    }

    #[test]
    fn the_end_of_the_chain_is_that_of_its_first_certificate_to_expire() {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let until = |year| {
            let mut params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            params.self_signed(&key).unwrap().pem()
        };
        fs::write(folder.path().join("cert.pem"), until(2051) + &until(2049)).unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        assert_eq!(load(folder.path()).meter.certificate_expiry(), Some(2_493_072_000));
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_with_both_files() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(one.path(), "a.example");
        write(other.path(), "a.example");
        let mixed = Files { cert: one.path().join("cert.pem"), key: other.path().join("key.pem") };
        let text = Current::load(mixed, Arc::default()).unwrap_err().to_string();
        assert!(text.contains("cert.pem and ") && text.contains("key.pem: "), "{text}");
    }
}
