//! Against real servers.

#[path = "../../../tests/shared/nats_server.rs"]
mod nats_server;

use super::{Nats, Settings, StartError};
use crate::{
    backbone::{Backbone, contract},
    config::{Config, Servers},
};
use nats_server::NatsServer;
use std::{sync::Arc, time::Duration};

/// A gateway's backbone at this server, not started.
fn settings(server: &NatsServer, change: impl FnOnce(&mut Config)) -> Settings {
    let mut config = Config::default();
    config.backbone.url = Servers::parse(&server.url()).unwrap();
    change(&mut config);
    Settings::new(&config)
}

async fn start(server: &NatsServer, change: impl FnOnce(&mut Config)) -> Result<Nats, StartError> {
    let nats = Nats::new(settings(server, change));
    nats.start().await.map(|()| nats)
}

struct Real(NatsServer);

impl contract::Subject for Real {
    async fn backbones(&self) -> [Arc<dyn Backbone>; 2] {
        let mut started = Vec::<Arc<dyn Backbone>>::new();
        for _ in 0..2 {
            started.push(Arc::new(start(&self.0, |_| {}).await.unwrap()));
        }
        started.try_into().unwrap()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn notice(&self) -> Duration {
        Duration::from_secs(12)
    }
}

mod contract_tests {
    use super::{NatsServer, Real, contract};

    contract::tests_of_backbone!(tokio::test, Real(NatsServer::start()));
}
