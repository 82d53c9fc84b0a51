//! File descriptors: as many as the system gives, and some that connections do not take.

use crate::gateway::Gateway;

/// What is not a connection of a client: files, key fetches, connections that were accepted and
/// have no place yet, and those of operators.
const RESERVE: usize = 64 + super::ADMIN_CONNECTIONS;

/// Raises the limit as far as the system lets it, and lets in no more connections than fit below
/// it. At start: what is open now stays open besides.
pub(super) fn reserve(gateway: &Gateway) {
    let Some((limit, open)) = raise() else { return };
    let admission = &gateway.admission;
    let wanted = admission.max_connections();
    admission.fit_into(room(limit, open));
    let room = admission.max_connections();
    if room < wanted {
        let needed = wanted + open + RESERVE;
        tracing::warn!(
            limit,
            needed,
            connections = room,
            "the limit of file descriptors is too low for limits.max_connections and limits.max_http_connections"
        );
    }
}

/// Connections that fit. If only few descriptors are left, half of them are kept.
fn room(limit: usize, open: usize) -> usize {
    let free = limit.saturating_sub(open);
    (free - RESERVE.min(free / 2)).max(1)
}

/// The limit, and how many are open.
#[cfg(target_os = "linux")]
fn raise() -> Option<(usize, usize)> {
    use nix::sys::resource::{Resource::RLIMIT_NOFILE, getrlimit, setrlimit};
    let (soft, hard) = getrlimit(RLIMIT_NOFILE).ok()?;
    // It is not allowed in every sandbox.
    let limit = if setrlimit(RLIMIT_NOFILE, hard, hard).is_ok() { hard } else { soft };
    Some((
        usize::try_from(limit).ok()?,
        std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
    ))
}

#[cfg(not(target_os = "linux"))]
fn raise() -> Option<(usize, usize)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_kept() {
        assert_eq!(room(1_000, 20), 980 - RESERVE);
        assert_eq!(room(60, 20), 20, "half of little");
        assert_eq!(room(20, 20), 1);
    }
}
