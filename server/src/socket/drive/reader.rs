//! The way in: one read, and every frame in it handed to the conversation.

use crate::{
    socket::{
        conversation::{Closing, Conversation, Flow, Stop},
        transport::Incoming,
    },
    websocket::{Decoder, Event, Violation},
};
use protocol::CloseCode;
use std::{
    io,
    task::{Context, Poll},
};

pub(super) struct Reader {
    pub(super) socket: Incoming,
    pub(super) decoder: Decoder,
    /// What came behind a frame that has to wait.
    pub(super) rest: Vec<u8>,
}

impl Reader {
    /// One read, and everything that it brought.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>, conversation: &mut Conversation) -> Poll<io::Result<Flow>> {
        let Self { socket, decoder, rest } = self;
        socket.poll_with(cx, |bytes| take(decoder, rest, bytes, conversation))
    }

    fn take(&mut self, bytes: &mut [u8], conversation: &mut Conversation) -> Flow {
        take(&mut self.decoder, &mut self.rest, bytes, conversation)
    }

    /// Handles what came behind a frame that had to wait.
    pub(super) fn go_on(&mut self, conversation: &mut Conversation) -> Flow {
        let mut rest = std::mem::take(&mut self.rest);
        self.take(&mut rest, conversation)
    }
}

/// Handles every event in `bytes`. What is behind one that has to wait goes to `rest`.
fn take(decoder: &mut Decoder, rest: &mut Vec<u8>, bytes: &mut [u8], conversation: &mut Conversation) -> Flow {
    let mut at = 0;
    while at < bytes.len() {
        match decoder.decode(&mut bytes[at..]) {
            Ok((used, event)) => {
                at += used;
                if let Some(Flow::Break(stop)) = event.map(|event| handle(event, conversation)) {
                    if matches!(stop, Stop::Wait(_) | Stop::Full) {
                        *rest = bytes[at..].to_vec();
                    }
                    return Flow::Break(stop);
                }
            }
            Err(violation) => return Flow::Break(violated(violation).into()),
        }
    }
    decoder.release();
    Flow::Continue(())
}

fn handle(event: Event<'_>, conversation: &mut Conversation) -> Flow {
    match event {
        Event::Text(text) => return conversation.text(text),
        Event::Binary(_) => return Flow::Break(Closing::from(CloseCode::Unsupported).into()),
        Event::Ping(payload) => conversation.pong(payload),
        Event::Pong(_) => conversation.answered_ping(),
        Event::Close(close) => {
            let code = close.map_or(CloseCode::Normal.number(), |close| close.code);
            return Flow::Break(conversation.closed_by_client(code).into());
        }
    }
    Flow::Continue(())
}

fn violated(violation: Violation) -> Closing {
    Closing { code: violation.close_code(), reason: violation.to_string().into() }
}
