//! A topic whose numbers somebody else gives: a log that several gateways share. Its messages come
//! in the log's order, each once, or the topic is told where that has ended, and tells its
//! subscribers. Nothing is ever passed over in silence.

use super::{Account, FanOut, Log, Name, Shared, Sink, Topic, history};
use protocol::{Epoch, MessageId, ServerFrame, Subscribed, encode};
use std::{fmt, sync::Arc};
use websocket::put_text_frame;

/// What keeps a topic's messages coming; dropped with the topic.
pub struct Attachment(pub Box<dyn Send + Sync>);

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment")
    }
}

impl<S: Sink> Topic<S> {
    /// A topic whose log goes on behind `head` of `epoch`.
    pub(crate) fn following(
        name: Name,
        owner: Arc<Account>,
        head: u64,
        epoch: Epoch<'static>,
        attachment: Attachment,
        history: history::Limits,
        shared: Arc<Shared<S>>,
    ) -> Self {
        let mut topic = Self::new(name, owner, epoch, history, shared);
        topic.attachment = Some(attachment);
        let log = topic.log.get_mut();
        log.head = head;
        log.history.begin_again(head);
        topic
    }

    /// Takes the shared log's message `seq_no` and makes it due. One that is here already is passed
    /// over; where the one before it did not come, that is told first. Gives the right to fan
    /// out where nobody has it.
    pub fn receive(
        self: &Arc<Self>,
        seq_no: u64,
        message_id: &MessageId<'_>,
        data: &str,
    ) -> Option<FanOut<S>> {
        let (now, expected) = (self.shared.now(), self.frame_len(message_id, data));
        let mut guard = self.log.lock();
        let log = &mut *guard;
        if log.retired || seq_no <= log.head {
            return None;
        }
        let mut mine = false;
        if seq_no > log.head + 1 {
            let epoch = log.epoch.clone();
            mine = self.begin_again(log, seq_no - 1, epoch);
        }
        let mut put = self.put(log, now, seq_no, message_id, data, expected);
        put.mine |= mine;
        drop(guard);
        self.after_put(put, now, seq_no).fan_out
    }

    /// Continuity has ended: the log goes on behind `head` in the life `epoch`, and what was
    /// between is not to be had. Every subscriber is told. Gives the right to fan out where
    /// nobody has it.
    pub fn lose(self: &Arc<Self>, head: u64, epoch: Epoch<'static>) -> Option<FanOut<S>> {
        let mut guard = self.log.lock();
        let log = &mut *guard;
        if log.retired {
            return None;
        }
        let epoch = if *log.epoch == epoch { log.epoch.clone() } else { Arc::new(epoch) };
        let mine = self.begin_again(log, head, epoch);
        drop(guard);
        mine.then(|| FanOut::new(self.clone()))
    }

    /// True: nobody else has the right to fan out.
    fn begin_again(
        self: &Arc<Self>,
        log: &mut Log<S>,
        head: u64,
        epoch: Arc<Epoch<'static>>,
    ) -> bool {
        self.change_history(log, |history| history.begin_again(head));
        (log.head, log.epoch) = (head, epoch);
        if log.live == 0 {
            return false;
        }
        let told =
            ServerFrame::Subscribed(Subscribed::at(&self.name, head, &log.epoch, Some(false)));
        let begin = log.pending.end();
        log.pending.put_notice(head, |out| {
            const EXPECTED: usize = 200;
            put_text_frame(out, EXPECTED, |out| encode::put_frame(out, &told));
        });
        log.backlog += (log.pending.end() - begin) as usize;
        self.take_right(log)
    }
}
