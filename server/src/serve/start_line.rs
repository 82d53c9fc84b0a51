//! What the log says when everything is ready: what runs where.

use crate::config::{AuthMode, BackboneKind, Config, ListenAddress};
use std::net::SocketAddr;

/// Tells that clients are served at `addresses` from now on, and operators at `admin`.
pub(super) fn tell(config: &Config, addresses: &[ListenAddress], admin: Option<SocketAddr>) {
    let mode = match config.auth.mode {
        AuthMode::Demo => "demo",
        AuthMode::Jwt => "jwt",
    };
    let backbone = match config.backbone.kind {
        BackboneKind::Memory => "memory",
        BackboneKind::Nats => "nats",
        BackboneKind::Kafka => "kafka",
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = listed(addresses),
        admin = admin.map(tracing::field::display),
        tls = config.tls.cert_file.is_some(),
        mode,
        backbone,
        "serving"
    );
    let public: Vec<_> = addresses.iter().filter(|address| is_public(address)).cloned().collect();
    if config.auth.mode == AuthMode::Demo && !public.is_empty() {
        tracing::warn!(
            listen = listed(&public),
            "demo mode on an address that other machines can reach: anyone can be any user; set auth.mode = \"jwt\", or listen on 127.0.0.1"
        );
    }
}

/// Whether other machines may reach it.
fn is_public(address: &ListenAddress) -> bool {
    matches!(address, ListenAddress::Tcp(address) if !address.ip().is_loopback())
}

fn listed(addresses: &[ListenAddress]) -> String {
    addresses.iter().map(ListenAddress::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::{Event, Level, Subscriber, subscriber::with_default};
    use tracing_subscriber::{
        layer::{Context, Layer, SubscriberExt},
        registry,
    };

    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl<S: Subscriber> Layer<S> for Levels {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
    }

    fn told(mode: AuthMode, addresses: &[&str]) -> Vec<Level> {
        let mut config = Config::default();
        config.auth.mode = mode;
        let addresses: Vec<_> =
            addresses.iter().map(|address| ListenAddress::parse(address).unwrap()).collect();
        let levels = Arc::default();
        with_default(registry().with(Levels(Arc::clone(&levels))), || {
            tell(&config, &addresses, None)
        });
        levels.lock().unwrap().clone()
    }

    #[test]
    fn demo_mode_on_an_address_that_others_can_reach_is_warned_of() {
        use AuthMode::{Demo, Jwt};
        for public in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:80", "[2001:db8::1]:80"] {
            assert_eq!(
                told(Demo, &["127.0.0.1:3000", public]),
                [Level::INFO, Level::WARN],
                "{public}"
            );
            assert_eq!(told(Jwt, &[public]), [Level::INFO], "{public}");
        }
        assert_eq!(
            told(Demo, &["127.0.0.1:3000", "127.8.9.1:1", "[::1]:3000", "unix:/run/gateway.sock"]),
            [Level::INFO]
        );
    }
}
