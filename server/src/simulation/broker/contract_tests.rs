//! The broker against the contract of every backbone, with numbers that are dense and with numbers
//! that are not.

use super::{Breach, Broker};
use crate::backbone::{
    Backbone,
    contract_tests::{Subject, tests_of_backbone},
};
use std::{sync::Arc, time::Duration};

struct Double {
    seed: u64,
}

impl Subject for Double {
    async fn backbones(&self) -> [Arc<dyn Backbone>; 2] {
        let broker = Arc::new(Broker::new(self.seed, Breach::None));
        [broker.clone(), broker]
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(20)
    }

    fn notice(&self) -> Duration {
        Duration::from_millis(100)
    }
}

mod sparse {
    use super::*;

    tests_of_backbone!(tokio::test(start_paused = true), Double { seed: 2 });
}

mod dense {
    use super::*;

    tests_of_backbone!(tokio::test(start_paused = true), Double { seed: 3 });
}
