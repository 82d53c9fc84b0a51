//! Unix sockets. The file is made when the gateway starts and removed when it ends; one that a
//! killed process has left is taken over.

use std::{
    fs, io,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// Who may connect: the gateway's user and its group.
const MODE: u32 = 0o660;

/// A Unix socket that listens.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) socket: UnixListener,
    /// To be removed; `None`: systemd keeps it.
    pub(super) file: Option<File>,
}

impl Bound {
    /// Listens at `path`.
    ///
    /// # Errors
    /// The system's; `AddrInUse` if something listens there, `AlreadyExists` if the file is no
    /// socket.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = UnixListener::bind(path)?;
        let file = Some(File::at(path)?);
        fs::set_permissions(path, fs::Permissions::from_mode(MODE))?;
        Ok(Self { socket, file })
    }

    /// systemd made the file and keeps it.
    pub(super) fn handed_over(socket: UnixListener) -> Self {
        Self { socket, file: None }
    }

    /// Empty if it has none.
    pub(super) fn path(&self) -> PathBuf {
        self.socket
            .local_addr()
            .ok()
            .and_then(|address| address.as_pathname().map(Path::to_owned))
            .unwrap_or_default()
    }
}

/// Removes a socket that nothing listens on.
fn remove_stale(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file that is no socket",
        ));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

/// The file of a socket. Dropped, it is removed, unless another process has put its own in its
/// place.
#[derive(Debug)]
pub(in crate::serve) struct File {
    path: PathBuf,
    inode: u64,
}

impl File {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), inode: fs::symlink_metadata(path)?.ino() })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| metadata.ino() == self.inode) {
            // What cannot be removed is taken over by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_comes_and_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let listener = Bound::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, MODE);
        assert_eq!(Bound::open(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced_and_another_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        drop(Bound::open(&path).unwrap());
        fs::write(&path, "precious").unwrap();
        assert_eq!(Bound::open(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn the_socket_of_a_successor_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.sock");
        let listener = Bound::open(&path).unwrap();
        fs::rename(&path, folder.path().join("old.sock")).unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        drop(listener);
        assert!(path.exists());
    }
}
