//! Whole connections over pipes in memory, for tests.

use super::{Caller, drive};
use crate::gateway::Gateway;
pub(crate) use crate::transport::pipe::Client;
use bytes::Bytes;
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

impl Client {
    /// Opens a connection to `gateway`, which runs in a task of the present runtime. The server may
    /// write `capacity` bytes that the client has not taken.
    pub(crate) fn connect(gateway: &Arc<Gateway>, capacity: usize, topic: Option<String>) -> Self {
        let (client, streams) = Self::open(capacity);
        let caller = Caller { address: IpAddr::V4(Ipv4Addr::LOCALHOST), topic };
        let admitted = gateway.admission.web_socket(None).expect("room for one more");
        gateway.core.tasks.spawn(drive::connection(
            gateway.clone(),
            streams,
            Bytes::new(),
            caller,
            admitted,
        ));
        client
    }
}
