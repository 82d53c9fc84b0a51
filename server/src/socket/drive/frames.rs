//! The bytes of reads, handed to the conversation frame by frame: as many at once as the client may
//! send, and as other clients can wait for.

use super::frame_rate::FrameRate;
use crate::{
    config::Limits,
    socket::conversation::{Closing, Conversation, Flow},
};
use bytes::Bytes;
use hub::clock::Clock;
use protocol::CloseCode;
use std::{
    task::{Context, Poll},
    time::{Duration, Instant},
};
use websocket::{Decoder, Event, Violation};

/// Frames are handled in one go up to this long. Only costly ones in great number reach it, for
/// instance publishes that are signed.
const LONGEST_TURN: Duration = Duration::from_millis(4);

/// Frames after which the clock is looked at: their cost is what a turn may take longer.
const FRAMES_PER_LOOK: usize = 64;

/// Bytes after which a client whose bytes never end lets other tasks run.
const BYTES_PER_YIELD: usize = 64 * 1024;

pub(super) struct Frames {
    decoder: Decoder,
    /// What came behind a frame that has to wait. Nothing is read before it is handled, so it
    /// never grows beyond one read.
    rest: Option<Box<Rest>>,
    /// In a box, because it is off by default.
    rate: Option<Box<FrameRate>>,
    /// Bytes that were handled since other tasks could run.
    unyielded: usize,
}

struct Rest {
    bytes: Vec<u8>,
    at: usize,
}

impl Frames {
    /// `early` came with the opening handshake.
    pub(super) fn new(early: Bytes, limits: &Limits, clock: Clock) -> Self {
        Self {
            decoder: Decoder::new(limits.max_frame),
            rest: (!early.is_empty()).then(|| Box::new(Rest { bytes: early.into(), at: 0 })),
            rate: (limits.frame_rate > 0)
                .then(|| Box::new(FrameRate::new(limits.frame_rate, clock))),
            unyielded: 0,
        }
    }

    /// Whether something has come that was not handled.
    pub(super) fn has_rest(&self) -> bool {
        self.rest.is_some()
    }

    /// Whether the client has used up its rate.
    pub(super) fn is_paused(&self) -> bool {
        self.rate.as_ref().is_some_and(|rate| rate.is_paused())
    }

    /// Pending while it has. Ready with true: it had until now.
    pub(super) fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.rate.as_mut().map_or(Poll::Ready(false), |rate| rate.poll_pause(cx))
    }

    /// Whether other tasks should run before more is handled. True once for each time.
    pub(super) fn owe_a_yield(&mut self) -> bool {
        let owed = self.unyielded >= BYTES_PER_YIELD;
        if owed {
            self.unyielded = 0;
        }
        owed
    }

    /// The client has sent nothing more, so other tasks run anyway.
    pub(super) fn ran_dry(&mut self) {
        self.unyielded = 0;
    }

    /// Since when a message is under way: `now`, if this is the first call that finds it.
    pub(super) fn under_way_since(&mut self, now: impl FnOnce() -> Instant) -> Option<Instant> {
        self.decoder.under_way_since(now)
    }

    /// Bytes of memory that take what was not handled.
    pub(super) fn memory(&self) -> usize {
        self.decoder.memory() + self.rest.as_ref().map_or(0, |rest| rest.bytes.capacity())
    }

    /// Forgets what was not handled.
    pub(super) fn forget(&mut self) {
        self.decoder = Decoder::new(0);
        self.rest = None;
    }

    /// Handles what a read has brought.
    pub(super) fn take(&mut self, bytes: &mut [u8], conversation: &mut Conversation) -> Flow {
        let (used, flow) = self.handle(bytes, conversation);
        if used < bytes.len() {
            self.rest = Some(Box::new(Rest { bytes: bytes[used..].to_vec(), at: 0 }));
        }
        flow
    }

    /// Handles what came behind a frame that had to wait.
    pub(super) fn go_on(&mut self, conversation: &mut Conversation) -> Flow {
        let Some(mut rest) = self.rest.take() else { return Flow::Continue(()) };
        let (used, flow) = self.handle(&mut rest.bytes[rest.at..], conversation);
        rest.at += used;
        if rest.at < rest.bytes.len() {
            self.rest = Some(rest);
        }
        flow
    }

    /// Every event in `bytes`, up to one that has to wait or as many as may be. Returns how many
    /// bytes it took.
    fn handle(&mut self, bytes: &mut [u8], conversation: &mut Conversation) -> (usize, Flow) {
        self.decoder.set_max_message(conversation.max_message());
        let allowed = self.rate.as_mut().map_or(usize::MAX, |rate| rate.available());
        let (mut at, mut frames, mut turn) = (0, 0, TurnTime::default());
        let flow = loop {
            if at == bytes.len() || frames == allowed {
                break Flow::Continue(());
            }
            if turn.is_over(frames) {
                self.unyielded = BYTES_PER_YIELD;
                break Flow::Continue(());
            }
            match self.decoder.decode(&mut bytes[at..]) {
                Ok((used, event)) => {
                    at += used;
                    let handled = event.map(|event| handle(event, conversation));
                    frames += usize::from(handled.is_some() || self.decoder.is_between_frames());
                    if let Some(Flow::Break(stop)) = handled {
                        break Flow::Break(stop);
                    }
                }
                Err(violation) => break Flow::Break(violated(violation).into()),
            }
        };
        self.decoder.release();
        self.unyielded += at;
        if let Some(rate) = &mut self.rate {
            rate.take(frames);
        }
        (at, flow)
    }
}

/// How long a turn takes; it looks at the clock now and then.
#[derive(Default)]
struct TurnTime(Option<Instant>);

impl TurnTime {
    fn is_over(&mut self, frames: usize) -> bool {
        frames > 0
            && frames.is_multiple_of(FRAMES_PER_LOOK)
            && self.0.get_or_insert_with(Instant::now).elapsed() > LONGEST_TURN
    }
}

fn handle(event: Event<'_>, conversation: &mut Conversation) -> Flow {
    match event {
        Event::Text(text) => return conversation.text(text),
        Event::Binary(_) => return Flow::Break(Closing::from(CloseCode::Unsupported).into()),
        Event::Ping(payload) => conversation.pong(payload),
        // A sign of life, as every byte.
        Event::Pong(_) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;

    #[test]
    fn a_turn_is_over_when_its_time_is_at_the_next_look() {
        let mut turn = TurnTime::default();
        assert!(
            !turn.is_over(0) && !turn.is_over(FRAMES_PER_LOOK),
            "its time begins at the first look"
        );
        // Real time is what is measured.
        sleep(LONGEST_TURN);
        assert!(!turn.is_over(FRAMES_PER_LOOK + 1));
        assert!(turn.is_over(2 * FRAMES_PER_LOOK));
    }
}
