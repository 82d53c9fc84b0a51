//! Sockets that listen already when the process starts: systemd's socket activation (`LISTEN_FDS`,
//! `LISTEN_PID`).

use super::{Bound, ListenError};
use listenfd::ListenFd;

/// All of them; none if the process was started without.
pub(super) fn take() -> Result<Vec<Bound>, ListenError> {
    let mut sockets = ListenFd::from_env();
    (0..sockets.len())
        .map(|number| {
            take_one(&mut sockets, number)
                .map_err(|reason| ListenError::HandedOver { number, reason })
        })
        .collect()
}

/// A socket of the wrong kind stays where it is, so one kind can be tried after the other.
fn take_one(sockets: &mut ListenFd, number: usize) -> std::io::Result<Bound> {
    #[cfg(unix)]
    if let Ok(Some(listener)) = sockets.take_unix_listener(number) {
        return Ok(Bound::Unix(super::unix::Bound::handed_over(listener)));
    }
    let listener = sockets.take_tcp_listener(number)?;
    listener.map(Bound::Tcp).ok_or_else(|| std::io::ErrorKind::NotFound.into())
}
