//! Readers that lose their connection and resume their session: no message is missing, or the
//! gateway says so; and it says so only if it must.

use super::{Scene, TOPICS};
use crate::soak::{entrance::Entered, ledger::Ledger, limits::SESSION_TTL, reader::Reader};
use crate::socket::{Socket, Way};
use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use protocol::{Epoch, SeqNo, Setup};
use std::{rc::Rc, time::Duration};
use tokio::time::Instant;

/// The most time that the gateway needs to notice that a client has closed, or that a session has
/// expired.
const SLACK: Duration = Duration::from_secs(3);

/// The state of a wanderer without a connection.
struct Away {
    ledger: Ledger,
    has_open_receipts: bool,
    receipts_from: Instant,
    since: Instant,
    how: Left,
}

/// How the connection was lost.
enum Left {
    By(Way),
    /// The gateway was not told: the connection hangs.
    Hanging(Box<Socket>),
}

/// One session from its first setup to its end.
pub(super) async fn wander(scene: Rc<Scene>, number: usize, mut chance: Rng) -> Result<()> {
    let user = format!("{}-wanderer-{number}", scene.name);
    let first = chance.usize(..TOPICS);
    let topics: Vec<_> = (0..3).map(|nth| scene.topic((first + nth) % TOPICS)).collect();
    let fresh = Setup {
        token: user.as_str().into(),
        topics: topics.iter().map(|topic| topic.as_str().into()).collect(),
        ..Setup::default()
    };
    let entered = Socket::enter(&scene, "/ws", &fresh).await?;
    let session = entered.session.clone();
    let mut reader =
        Reader::begin(&scene, entered, Ledger::default(), Duration::ZERO, chance.bool()).await?;
    loop {
        reader.read_until(Instant::now() + Duration::from_secs(2).mul_f64(chance.f64())).await?;
        scene.departs();
        if !scene.goes_on() {
            return reader.socket.leave(Way::ALL[chance.usize(..Way::ALL.len())]).await;
        }
        let away = lose_line(reader, &mut chance).await?;
        if !pause(&scene, &mut chance).await {
            return Ok(());
        }
        match come_back(&scene, &fresh, &session, away, &mut chance).await? {
            Some(resumed) => reader = resumed,
            None => return Ok(()),
        }
    }
}

async fn lose_line(reader: Reader, chance: &mut Rng) -> Result<Away> {
    let since = Instant::now();
    let Reader { socket, ledger, has_open_receipts, receipts_from, .. } = reader;
    let way =
        chance.choice([None, Some(Way::Close), Some(Way::Finish), Some(Way::Reset)]).flatten();
    let how = match way {
        None => Left::Hanging(Box::new(socket)),
        Some(way) => {
            socket.leave(way).await?;
            Left::By(way)
        }
    };
    Ok(Away { ledger, has_open_receipts, receipts_from, since, how })
}

/// Most clients return soon, some late, some after their session has ended, and some never. False:
/// not in this run.
async fn pause(scene: &Scene, chance: &mut Rng) -> bool {
    let time = match chance.u8(..10) {
        0..5 => Duration::from_millis(chance.u64(..300)),
        5..8 => SESSION_TTL.mul_f64(chance.f64()),
        8 => SESSION_TTL + SLACK.mul_f64(2.0 * chance.f64()),
        _ => return false,
    };
    scene.pause(time).await
}

/// `None`: the session had ended, as it had to or was allowed to.
async fn come_back(
    scene: &Rc<Scene>,
    fresh: &Setup<'_>,
    session: &str,
    away: Away,
    chance: &mut Rng,
) -> Result<Option<Reader>> {
    let Away { mut ledger, has_open_receipts, receipts_from, since, how } = away;
    let mut setup =
        Setup { token: fresh.token.clone(), session_id: Some(session.into()), ..Setup::default() };
    let gives_positions = has_open_receipts || chance.bool();
    if gives_positions {
        for (topic, course) in ledger.topics() {
            setup.last_seq.insert(topic.to_owned().into(), SeqNo::new(course.position)?);
            setup.epoch.insert(topic.to_owned().into(), Epoch::new(course.epoch.clone())?);
        }
        ledger.given();
    } else {
        ledger.back_to_receipts();
    }
    let entered = Socket::enter(scene, "/ws", &setup).await?;
    let away = since.elapsed();
    let Entered { resumed: Some(resumed), .. } = entered else {
        bail!("`ready` without `resumed`")
    };
    ensure!(
        resumed || away >= SESSION_TTL || scene.may_be_pushed_out(since),
        "the session was gone after {away:?}"
    );
    let is_over = matches!(how, Left::By(Way::Close)) && away > SESSION_TTL + SLACK;
    ensure!(!resumed || !is_over, "the session still exists after {away:?}");
    if !resumed {
        scene.tally.expired.add(1);
        ensure!(entered.answers.is_empty(), "a new session began with {:?}", entered.answers);
        scene.departs();
        entered.socket.leave(Way::EndSession).await?;
        return Ok(None);
    }
    scene.tally.resumed.add(1);
    ensure!(
        entered.answers.len() == ledger.topics().count(),
        "not all topics were restored: {:?}",
        entered.answers
    );
    let behind = if gives_positions { away } else { receipts_from.elapsed() };
    let reader = Reader::begin(scene, entered, ledger, behind, chance.bool()).await?;
    if let Left::Hanging(mut old) = how {
        overtaken(&mut old, away).await?;
        scene.tally.overtaken.add(1);
    }
    Ok(Some(reader))
}

/// The hanging connection is told that its session was resumed elsewhere; if it hung for long, the
/// gateway may have closed it before.
async fn overtaken(old: &mut Socket, away: Duration) -> Result<()> {
    let code = old.close_code().await.context("the earlier connection")?;
    let is_long = away > Duration::from_secs(2);
    ensure!(
        code == Some(4409) || (is_long && matches!(code, Some(4408 | 4290))),
        "the earlier connection was closed with {code:?}"
    );
    Ok(())
}
