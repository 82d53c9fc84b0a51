//! Files that the configuration names and that too many users of the machine can open: secrets that
//! they could read, keys that they could exchange.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use super::Config;

/// A file that is open to more users than it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct ExposedFile {
    /// The key of the configuration.
    pub key: &'static str,
    /// As the configuration has it.
    pub path: PathBuf,
    /// The file's permissions.
    pub mode: u32,
    holds: Holds,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Only the gateway may read it.
    Secret,
    /// Every user may read it: a certificate, a public key.
    Public,
}

const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITES: u32 = 0o020;

impl ExposedFile {
    /// Who can do what that should not be.
    fn faults(&self) -> Vec<&'static str> {
        let readable = self.holds == Holds::Secret && self.mode & OTHERS_READ != 0;
        let faults = [
            (readable, "every user can read it"),
            (self.mode & OTHERS_WRITE != 0, "every user can change it"),
            (self.mode & GROUP_WRITES != 0, "its group can change it"),
        ];
        faults.into_iter().filter_map(|(is_so, fault)| is_so.then_some(fault)).collect()
    }
}

impl fmt::Display for ExposedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, path, mode, holds } = self;
        let better = if *holds == Holds::Secret { "0600 or 0640" } else { "0644" };
        write!(
            f,
            "{key}: {}: its mode is {mode:04o}: {}; {better} is enough",
            path.display(),
            self.faults().join(", ")
        )
    }
}

/// Those of the files that `config` names. What a link points to counts, not the link. That the
/// file's group can read it is taken to be on purpose. A file that cannot be looked at is passed
/// over: reading it says why.
#[must_use]
pub fn exposed_files(config: &Config) -> Vec<ExposedFile> {
    let files = files(config).into_iter();
    let exposed = files.filter_map(|(key, path, holds)| {
        Some(ExposedFile { key, path: path.to_owned(), mode: mode(path)?, holds })
    });
    exposed.filter(|file| !file.faults().is_empty()).collect()
}

fn files(config: &Config) -> Vec<(&'static str, &Path, Holds)> {
    let Config { auth, redis, backbone, tls, signing, http, .. } = config;
    let single = [
        ("auth.jwt_secret_file", &auth.jwt_secret_file, Holds::Secret),
        ("auth.jwt_public_key_file", &auth.jwt_public_key_file, Holds::Public),
        ("redis.url_file", &redis.url_file, Holds::Secret),
        ("backbone.credentials_file", &backbone.credentials_file, Holds::Secret),
        ("tls.cert_file", &tls.cert_file, Holds::Public),
        ("tls.key_file", &tls.key_file, Holds::Secret),
        ("signing.key_file", &signing.key_file, Holds::Secret),
        ("http.api_keys_file", &http.api_keys_file, Holds::Secret),
    ];
    let single =
        single.into_iter().filter_map(|(key, path, holds)| Some((key, path.as_deref()?, holds)));
    let previous = signing
        .previous_key_files
        .iter()
        .map(|path| ("signing.previous_key_files", path.as_path(), former_key(path)));
    single.chain(previous).collect()
}

/// A key that signed once may be given as a whole or by its public half.
fn former_key(path: &Path) -> Holds {
    let is_private = fs::read_to_string(path).is_ok_and(|text| text.contains("PRIVATE KEY"));
    if is_private { Holds::Secret } else { Holds::Public }
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::metadata(path).ok()?.permissions().mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::super::{keys, kind::Found};
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn with_mode(folder: &Path, mode: u32) -> PathBuf {
        let path = folder.join(format!("{mode:o}"));
        fs::write(&path, "x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn every_key_that_names_a_file_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let open = with_mode(folder.path(), 0o666);
        let mut config = Config::default();
        let names_a_file =
            |key: &&keys::Key| key.name.ends_with("_file") || key.name.ends_with("_files");
        let mut named: Vec<String> = Vec::new();
        for key in keys::all().iter().filter(names_a_file) {
            (key.set)(&mut config, &Found::Text(open.to_str().unwrap())).unwrap();
            named.push(key.path());
        }
        let mut found: Vec<_> =
            exposed_files(&config).into_iter().map(|file| file.key.to_owned()).collect();
        named.sort();
        found.sort();
        assert_eq!(found, named);
    }

    #[test]
    fn a_secret_is_for_its_owner_and_at_most_to_be_read_by_its_group() {
        let folder = tempfile::tempdir().unwrap();
        let exposed = |mode| {
            let mut config = Config::default();
            config.tls.key_file = Some(with_mode(folder.path(), mode));
            exposed_files(&config).first().map(ToString::to_string)
        };
        for mode in [0o600, 0o400, 0o640, 0o440] {
            assert_eq!(exposed(mode), None, "{mode:o}");
        }
        for (mode, fault) in [
            (0o644, "0644: every user can read it; 0600 or 0640 is enough"),
            (0o660, "0660: its group can change it; "),
            (0o602, "0602: every user can change it; "),
            (
                0o666,
                "0666: every user can read it, every user can change it, its group can change it; ",
            ),
        ] {
            let warning = exposed(mode).unwrap();
            assert!(warning.starts_with("tls.key_file: /") && warning.contains(fault), "{warning}");
        }
    }

    #[test]
    fn a_public_key_may_be_read_but_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.auth.jwt_public_key_file = Some(with_mode(folder.path(), 0o644));
        config.signing.previous_key_files = vec![with_mode(folder.path(), 0o444)];
        assert_eq!(exposed_files(&config), []);
        config.auth.jwt_public_key_file = Some(with_mode(folder.path(), 0o664));
        assert!(exposed_files(&config).iter().any(|file| file.key == "auth.jwt_public_key_file"));
    }

    #[test]
    fn a_former_key_that_is_whole_is_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = with_mode(folder.path(), 0o644);
        let mut config = Config::default();
        config.signing.previous_key_files = vec![path.clone()];
        assert_eq!(exposed_files(&config), []);
        fs::write(&path, "-----BEGIN PRIVATE KEY-----\n").unwrap();
        assert_eq!(exposed_files(&config).len(), 1);
    }

    /// A secret that Kubernetes mounts is a link of mode 0777 to a file.
    #[test]
    fn what_a_link_points_to_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (link, mut config) = (folder.path().join("link"), Config::default());
        symlink(with_mode(folder.path(), 0o400), &link).unwrap();
        config.tls.key_file = Some(link);
        assert_eq!(exposed_files(&config), []);
        config.tls.key_file = Some(folder.path().join("nothing"));
        assert_eq!(exposed_files(&config), []);
    }
}
