//! A client that reads all topics, on whichever gateway serves, and checks every frame: what it has
//! received is what was published, each message once and in order, or a loss was told.

use super::{
    scene::{Entered, PATIENCE, Scene, Stage, TOPICS, add, topic},
    tokens::MEMBER,
};
use crate::{
    soak::ledger::{Fault, Ledger},
    socket::{Arrival, Socket, Way, receipt},
};
use fastrand::Rng;
use protocol::{ClientFrame, Epoch, ErrorCode, SeqNo, ServerFrame, Setup, Subscribe, Topic};
use std::{collections::BTreeSet, rc::Rc, time::Duration};
use tokio::{
    select,
    task::spawn_local,
    time::{Instant, sleep, timeout},
};

/// How long a reader stays at a gateway: from this to three times this.
const STAY: Duration = Duration::from_secs(2);
/// When it asks again for a topic that was unavailable.
const AGAIN: Duration = Duration::from_millis(300);
/// Messages between two receipts.
const RECEIPT: u64 = 100;
/// How long the old connection of a session is watched.
const TELLS: Duration = Duration::from_secs(15);
/// "Session taken over".
const TAKEN_OVER: u16 = 4409;

pub(super) struct Reader {
    scene: Rc<Scene>,
    name: String,
    chance: Rng,
    ledger: Ledger,
    session: Option<String>,
    /// The connection that had the session before: whatever it receives does not count.
    old: Option<Socket>,
    /// Topics without a subscription on this connection.
    missing: BTreeSet<String>,
    since_receipt: u64,
}

/// Why a reader leaves a gateway.
enum Leaves {
    /// It goes elsewhere, or the connection has broken.
    Moves,
    /// It has everything.
    Done,
}

impl Reader {
    pub(super) fn new(scene: Rc<Scene>, number: usize) -> Self {
        Self {
            chance: scene.chance(),
            scene,
            name: format!("reader {number}"),
            ledger: Ledger::from_the_start(),
            session: None,
            old: None,
            missing: BTreeSet::new(),
            since_receipt: 0,
        }
    }

    /// Reads the topics for the first time: from now on it misses nothing.
    pub(super) async fn begin(&mut self) {
        while self.ledger.topics().count() < TOPICS {
            if let Err(fault) = self.visit(Some(Instant::now())).await {
                self.scene.violation(&self.name, fault);
            }
        }
    }

    /// Reads until everything is read.
    pub(super) async fn run(mut self) -> Self {
        loop {
            match self.visit(None).await {
                Ok(Leaves::Done) => return self,
                Ok(Leaves::Moves) => {}
                Err(fault) => {
                    self.scene.violation(&self.name, fault);
                    return self;
                }
            }
        }
    }

    /// What it has not received of what was acknowledged.
    pub(super) fn missing(&self) -> Option<String> {
        let acknowledged = self.scene.acknowledged.borrow();
        acknowledged.iter().find_map(|((topic, publisher), number)| {
            let read = self.ledger.last_of(topic, *publisher);
            (read.is_some_and(|read| read < *number)).then(|| {
                format!("{topic}: publisher {publisher}'s {number} was acknowledged and did not come after {read:?}")
            })
        })
    }

    fn setup(&self) -> Setup<'static> {
        let mut setup = Setup {
            token: MEMBER.into(),
            topics: (0..TOPICS).map(|index| topic(index).into()).collect(),
            session_id: self.session.clone().map(Into::into),
            ..Setup::default()
        };
        for (topic, course) in self.ledger.topics() {
            let (seq_no, epoch) = position(course.position, &course.epoch);
            setup.last_seq.insert(topic.to_owned().into(), seq_no);
            setup.epoch.insert(topic.to_owned().into(), epoch);
        }
        setup
    }

    /// Reads at one gateway; `end`: until then at the latest.
    async fn visit(&mut self, end: Option<Instant>) -> Result<Leaves, Fault> {
        let setup = self.setup();
        let asked = self.session.is_some();
        let Some(entered) = self.scene.enter(&mut self.chance, &setup).await else {
            return Ok(Leaves::Moves);
        };
        let Entered { mut socket, answers, session, resumed } = entered;
        self.ledger.given();
        self.session = Some(session);
        if asked && resumed == Some(true) {
            add(&self.scene.tally.resumed);
        }
        if let Some(old) = self.old.take() {
            spawn_local(is_overtaken(self.scene.clone(), old));
        }
        self.missing = (0..TOPICS).map(topic).collect();
        for text in &answers {
            self.take(text)?;
        }
        self.ledger.ready(true)?;
        let end =
            end.unwrap_or_else(|| Instant::now() + STAY.mul_f64(1.0 + 2.0 * self.chance.f64()));
        let leaves = self.read(&mut socket, end).await?;
        if matches!(leaves, Leaves::Moves) && self.chance.usize(..3) == 0 {
            self.old = Some(socket);
            return Ok(leaves);
        }
        const KEEP: [Way; 3] = [Way::Close, Way::Finish, Way::Reset];
        let way = match leaves {
            Leaves::Done => Way::EndSession,
            Leaves::Moves => KEEP[self.chance.usize(..KEEP.len())],
        };
        // A gateway that is stopped does not answer; the next one takes the session over.
        let _ = timeout(PATIENCE, socket.leave(way)).await;
        Ok(leaves)
    }

    async fn read(&mut self, socket: &mut Socket, end: Instant) -> Result<Leaves, Fault> {
        let scene = self.scene.clone();
        let mut ask_again = Instant::now() + AGAIN;
        loop {
            if scene.stage() == Stage::End && self.missing.is_empty() && self.missing().is_none() {
                return Ok(Leaves::Done);
            }
            let arrival = select! {
                arrival = socket.next() => arrival,
                () = tokio::time::sleep_until(end) => return Ok(Leaves::Moves),
                () = tokio::time::sleep_until(ask_again) => {
                    ask_again = Instant::now() + AGAIN;
                    if self.ask_for_missing(socket).await.is_err() {
                        return Ok(Leaves::Moves);
                    }
                    continue;
                }
            };
            match arrival {
                Ok(Arrival::Text(text)) => self.take(&text)?,
                Ok(Arrival::Close(_) | Arrival::End) | Err(_) => return Ok(Leaves::Moves),
            }
            if self.since_receipt >= RECEIPT && self.give_receipts(socket).await.is_err() {
                return Ok(Leaves::Moves);
            }
        }
    }

    fn take(&mut self, text: &str) -> Result<(), Fault> {
        match ServerFrame::parse(text) {
            Ok(ServerFrame::Message(message)) => {
                self.ledger.message(&message)?;
                self.since_receipt += 1;
                add(&self.scene.tally.delivered);
            }
            Ok(ServerFrame::Subscribed(subscribed)) => {
                self.missing.remove(subscribed.topic.as_str());
                if self.ledger.subscribed(&subscribed)?.is_some() {
                    add(&self.scene.tally.losses);
                    if !self.scene.may_lose.get() {
                        self.scene
                            .violation(&self.name, format!("a loss without a reason: {text}"));
                    }
                } else if subscribed.recovered == Some(true) {
                    add(&self.scene.tally.positions);
                }
            }
            Ok(ServerFrame::Error(failure))
                if failure.code == ErrorCode::BackboneUnavailable && failure.topic.is_some() =>
            {
                add(&self.scene.tally.unavailable);
                self.missing.extend(failure.topic.map(|topic| topic.into_owned()));
            }
            Ok(ServerFrame::Pong) => {}
            other => self.scene.violation(&self.name, format!("unasked: {other:?}")),
        }
        Ok(())
    }

    async fn ask_for_missing(&mut self, socket: &mut Socket) -> anyhow::Result<()> {
        for name in &self.missing {
            let position =
                self.ledger.course(name).map(|course| position(course.position, &course.epoch));
            let (last_seq, epoch) = position.unzip();
            let topic = Topic::new(name.clone())?;
            socket.put(&ClientFrame::Subscribe(Subscribe {
                topic,
                last_seq,
                epoch,
                last: None,
            }))?;
        }
        socket.flush().await
    }

    async fn give_receipts(&mut self, socket: &mut Socket) -> anyhow::Result<()> {
        self.since_receipt = 0;
        for (topic, course) in self.ledger.topics() {
            socket.put(&receipt(topic, course.position, &course.epoch)?)?;
        }
        socket.flush().await
    }
}

/// Counts the connection whose session was taken over, if its gateway tells it so in time; a
/// gateway that was stopped or cut off may not.
async fn is_overtaken(scene: Rc<Scene>, mut old: Socket) {
    let code = timeout(TELLS, old.close_code()).await;
    if matches!(code, Ok(Ok(Some(TAKEN_OVER)))) {
        add(&scene.tally.taken_over);
    }
}

fn position(seq_no: u64, epoch: &str) -> (SeqNo, Epoch<'static>) {
    let seq_no = SeqNo::new(seq_no).unwrap_or_default();
    let epoch = Epoch::new(epoch.to_owned());
    (seq_no, epoch.unwrap_or_else(|_| unreachable!("the gateway's own epoch")))
}

/// A client that has no right to the topics: it connects again and again, and receives nothing.
pub(super) async fn stranger(scene: Rc<Scene>) {
    let mut chance = scene.chance();
    while scene.stage() == Stage::Traffic {
        let setup = Setup {
            token: super::tokens::STRANGER.into(),
            topics: vec![topic(0).into()],
            ..Setup::default()
        };
        let Some(mut entered) = scene.enter(&mut chance, &setup).await else { continue };
        let is_refused = entered.answers.iter().all(|text| text.contains(r#""code":"FORBIDDEN""#));
        if !is_refused {
            scene.violation("a stranger", format!("was told {:?}", entered.answers));
        }
        add(&scene.tally.refused);
        select! {
            Ok(Arrival::Text(text)) = entered.socket.next() => {
                scene.violation("a stranger", format!("received {text}"));
            }
            () = sleep(STAY) => {}
            () = scene.reaches(Stage::LastMessages) => {}
        }
        let _ = timeout(PATIENCE, entered.socket.leave(Way::EndSession)).await;
    }
}
