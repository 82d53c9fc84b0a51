//! Follows the certificate's files. They are looked at, not watched: a mounted secret is exchanged by renaming a folder far
//! above, and a look at two small files costs nothing.
//!
//! A change is taken over once two looks in a row have found the same content: whoever writes the files one after the other
//! gets no warning for the moment in between.

use super::certificate::{CertificateError, Content, Files};
use parking_lot::RwLock;
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// From one look to the next. Two looks, and the handshakes under way, stay well below the promised 10 s.
const LOOK: Duration = Duration::from_secs(2);

/// The certificate that new connections get.
pub(super) struct Current {
    files: Files,
    loaded: Content,
    certificate: RwLock<Arc<CertifiedKey>>,
}

impl Current {
    pub(super) fn load(files: Files) -> Result<Self, CertificateError> {
        let loaded = files.read()?;
        let certificate = RwLock::new(Arc::new(files.parse(&loaded)?));
        Ok(Self { files, loaded, certificate })
    }

    pub(super) async fn follow(&self) {
        let mut follower = Follower { of: self, settled: self.loaded.clone(), changed: None, is_unreadable: false };
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            follower.look();
        }
    }
}

/// What the looks have found so far.
struct Follower<'a> {
    of: &'a Current,
    /// Taken over, or found to be no good.
    settled: Content,
    /// Seen once.
    changed: Option<Content>,
    is_unreadable: bool,
}

impl Follower<'_> {
    fn look(&mut self) {
        let content = match self.of.files.read() {
            Ok(content) => content,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    tracing::warn!(%error, "the certificate stays as it is");
                }
                return;
            }
        };
        self.is_unreadable = false;
        if content == self.settled {
            self.changed = None;
        } else if self.changed.as_ref() != Some(&content) {
            self.changed = Some(content);
        } else {
            self.take_over(&content);
            self.settled = content;
            self.changed = None;
        }
    }

    fn take_over(&self, content: &Content) {
        match self.of.files.parse(content) {
            Ok(certificate) => {
                *self.of.certificate.write() = Arc::new(certificate);
                tracing::info!(file = %self.of.files.cert.display(), "new connections get a new certificate");
            }
            Err(error) => tracing::warn!(%error, "the certificate stays as it is"),
        }
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

    fn follower(current: &Current) -> Follower<'_> {
        Follower { of: current, settled: current.loaded.clone(), changed: None, is_unreadable: false }
    }

    #[test]
    fn a_change_is_taken_over_at_the_second_look() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example");
        let current = Current::load(files(folder.path())).unwrap();
        let first = current.certificate.read().clone();
        let mut follower = follower(&current);
        write(folder.path(), "b.example");
        follower.look();
        assert!(Arc::ptr_eq(&first, &current.certificate.read()));
        follower.look();
        assert_ne!(first.cert, current.certificate.read().cert);
    }

    #[test]
    fn what_does_not_fit_or_is_gone_changes_nothing_and_what_fits_again_does() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.example");
        let current = Current::load(files(folder.path())).unwrap();
        let first = current.certificate.read().clone();
        let mut follower = follower(&current);
        let old_key = fs::read(folder.path().join("key.pem")).unwrap();
        write(folder.path(), "b.example");
        let new_key = fs::read(folder.path().join("key.pem")).unwrap();
        for broken in [Some(old_key.as_slice()), Some(b"nothing"), None] {
            match broken {
                Some(content) => fs::write(folder.path().join("key.pem"), content).unwrap(),
                None => fs::remove_file(folder.path().join("key.pem")).unwrap(),
            }
            (0..3).for_each(|_| follower.look());
            assert!(Arc::ptr_eq(&first, &current.certificate.read()), "{broken:?}");
        }
        fs::write(folder.path().join("key.pem"), new_key).unwrap();
        (0..2).for_each(|_| follower.look());
        assert_ne!(first.cert, current.certificate.read().cert);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_with_both_files() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(one.path(), "a.example");
        write(other.path(), "a.example");
        let mixed = Files { cert: one.path().join("cert.pem"), key: other.path().join("key.pem") };
        let text = Current::load(mixed).unwrap_err().to_string();
        assert!(text.contains("cert.pem and ") && text.contains("key.pem: "), "{text}");
    }
}
