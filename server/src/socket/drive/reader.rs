//! The way in: one read, and its frames handed to the conversation.

use super::frames::Frames;
use crate::{
    connection::Connection,
    gateway::Gateway,
    registry::Share,
    socket::conversation::{Conversation, Flow},
    transport::Incoming,
};
use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

pub(super) struct Reader {
    pub(super) socket: Incoming,
    pub(super) frames: Frames,
    /// While the client is not set up and has sent something that is not handled.
    unfinished: Option<Box<Share>>,
}

impl Reader {
    pub(super) fn new(socket: Incoming, frames: Frames) -> Self {
        Self { socket, frames, unfinished: None }
    }

    /// Handles what is left of the last read, else what one more read brings.
    pub(super) fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        conversation: &mut Conversation,
    ) -> Poll<io::Result<Flow>> {
        let Self { socket, frames, .. } = self;
        if frames.has_rest() {
            return Poll::Ready(Ok(frames.go_on(conversation)));
        }
        let turn = socket.poll_with(cx, |bytes| frames.take(bytes, conversation));
        if turn.is_pending() {
            frames.ran_dry();
        }
        turn
    }

    /// Counts what a client that is not set up makes the gateway hold.
    pub(super) fn count_unfinished(
        &mut self,
        gateway: &Arc<Gateway>,
        connection: &Arc<Connection>,
        is_set_up: bool,
    ) {
        let bytes = if is_set_up { 0 } else { self.frames.memory() };
        if bytes == 0 {
            self.unfinished = None;
        } else {
            let begin =
                || Box::new(Share::begin(gateway.registry.unfinished.clone(), connection.clone()));
            self.unfinished.get_or_insert_with(begin).set(bytes);
        }
    }

    /// Forgets everything that was not handled.
    pub(super) fn forget(&mut self) {
        self.frames.forget();
        self.unfinished = None;
    }
}
