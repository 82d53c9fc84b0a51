//! `micro-socket keys generate FILE`: a new signing key that only its owner may read.

use clap::Subcommand;
use std::{
    fs::OpenOptions,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Make an Ed25519 key for `signing.key_file`
    Generate {
        /// Where to write it; a file that is there already is left alone
        file: PathBuf,
    },
}

impl Keys {
    pub(crate) fn run(self) -> Result<(), String> {
        let Self::Generate { file } = self;
        let key = micro_socket::signing::generate().map_err(|error| error.to_string())?;
        write_new(&file, &key).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => format!(
                "{} is there already; a key that has signed should not be lost",
                file.display()
            ),
            _ => format!("{}: {error}", file.display()),
        })
    }
}

/// Readable by its owner only, from the first moment on.
fn write_new(file: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}
