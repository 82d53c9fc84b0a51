//! The variables by which Kubernetes tells each container of a namespace about every Service there.
//! Those of a Service whose name begins with `micro-socket` begin as the gateway's own variables
//! do.

/// Whether Kubernetes has set the variable that is named `rest` behind the gateway's prefix. For
/// the Services `micro-socket` and `micro-socket-metrics` these are `SERVICE_HOST`,
/// `METRICS_SERVICE_PORT_HTTP`, `METRICS_PORT`, `METRICS_PORT_443_TCP_ADDR` and the like. A name
/// with `__` is a key's and never one of them; a `PORT` is one only with an address as value, since
/// a person who is looking for the key writes a number.
pub(super) fn is_service_link(rest: &str, value: &str) -> bool {
    !rest.contains("__")
        && (is_service(rest) || (is_port(rest) && is_address(value)) || is_part_of_port(rest))
}

/// Behind the Service's name, which may be empty here.
fn ends_with(rest: &str, suffix: &str) -> bool {
    rest.strip_suffix(suffix).is_some_and(|service| service.is_empty() || service.ends_with('_'))
}

fn is_service(rest: &str) -> bool {
    let named_port = rest.starts_with("SERVICE_PORT_") || rest.contains("_SERVICE_PORT_");
    ends_with(rest, "SERVICE_HOST") || ends_with(rest, "SERVICE_PORT") || named_port
}

/// `PORT` and `PORT_443_TCP`.
fn is_port(rest: &str) -> bool {
    ends_with(rest, "PORT") || ends_with_port(rest)
}

/// `PORT_443_TCP_PROTO` and its like.
fn is_part_of_port(rest: &str) -> bool {
    ["_PROTO", "_PORT", "_ADDR"]
        .iter()
        .any(|part| rest.strip_suffix(part).is_some_and(ends_with_port))
}

fn ends_with_port(rest: &str) -> bool {
    let Some((rest, "TCP" | "UDP" | "SCTP")) = rest.rsplit_once('_') else { return false };
    let number = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    number.len() < rest.len() && ends_with(number, "PORT_")
}

fn is_address(value: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    const ADDRESS: &str = "tcp://10.0.0.1:443";

    #[test]
    fn the_whole_family_of_every_service_is_known() {
        for service in ["", "METRICS_", "A_B_", "PORT_", "2_"] {
            for name in [
                "SERVICE_HOST",
                "SERVICE_PORT",
                "SERVICE_PORT_HTTP",
                "SERVICE_PORT_HTTP_ALT_2",
                "PORT",
                "PORT_443_TCP",
                "PORT_443_TCP_PROTO",
                "PORT_443_TCP_PORT",
                "PORT_443_TCP_ADDR",
                "PORT_53_UDP",
                "PORT_53_UDP_ADDR",
                "PORT_9_SCTP_PROTO",
            ] {
                assert!(is_service_link(&format!("{service}{name}"), ADDRESS), "{service}{name}");
            }
        }
    }

    #[test]
    fn what_may_be_a_misspelt_key_is_none() {
        for name in [
            "LISTEN",
            "LISEN",
            "LISTENPORT",
            "HTTP__PORT",
            "METRICS__SERVICE_HOST",
            "PORT_TCP",
            "PORTS_443_TCP",
            "PORT_443_HTTP",
            "SERVICES_HOST",
        ] {
            assert!(!is_service_link(name, ADDRESS), "{name}");
        }
        assert!(
            !is_service_link("PORT", "8080") && !is_service_link("LISTEN_PORT", "0.0.0.0:8080")
        );
    }

    #[test]
    fn no_key_is_taken_for_one_even_if_its_section_is_forgotten() {
        for key in keys::all() {
            for name in
                [key.path().replace('.', "__"), key.path().replace('.', "_"), key.name.to_owned()]
            {
                assert!(!is_service_link(&name.to_ascii_uppercase(), ADDRESS), "{name}");
            }
        }
    }
}
