//! Which of the subprotocols that a client offers the connection is opened with. The frames are the
//! same with any of them.

/// The protocol's own name, with its version.
const OWN: &str = "micro-socket.v1";
/// What the names of all its versions begin with.
const FAMILY: &str = "micro-socket.";

/// The protocol's own name if it is offered, else the first one that is not another version of it:
/// browsers fail a connection if they have offered names and none is chosen.
pub(super) fn choose<'a>(offers: &[&'a str]) -> Option<&'a str> {
    let find = |is_good: fn(&str) -> bool| offers.iter().copied().find(|name| is_good(name));
    find(|name| name == OWN).or_else(|| find(|name| !name.starts_with(FAMILY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_name_comes_first_and_another_version_never() {
        for (offers, chosen) in [
            (&[][..], None),
            (&["chat"], Some("chat")),
            (&["chat", "micro-socket.v1"], Some("micro-socket.v1")),
            (&["micro-socket.v2", "chat", "other"], Some("chat")),
            (&["micro-socket.v2", "micro-socket.v10"], None),
            (&["Micro-Socket.v1"], Some("Micro-Socket.v1")),
        ] {
            assert_eq!(choose(offers), chosen, "{offers:?}");
        }
    }
}
