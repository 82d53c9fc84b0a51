//! Direct gets: any replica answers, in one message for each stored one and a last one that ends the
//! answer. What an answer proves is for its readers to say.

use super::{
    connection::Connection,
    stored::{self, Stored},
};
use crate::backbone::Unavailable;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Messages of one answer at most: all of them fit into the subscription that receives them.
pub(super) const MOST: usize = 1_000;

/// For each message of an answer: a replica that hangs does not answer.
const LIMIT: Duration = Duration::from_millis(500);

const PENDING: &str = "Nats-Num-Pending";
const UP_TO: &str = "Nats-UpTo-Sequence";

/// An answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// By number.
    pub(super) messages: Vec<Stored>,
    /// The replica has more that were asked for.
    pub(super) has_more: bool,
    /// The last message that the replica has, of any subject; 0 if it does not say.
    pub(super) up_to: u64,
}

/// The messages of one subject from a number on.
pub(super) async fn next(
    connection: &Connection,
    stream: &str,
    subject: &str,
    from: u64,
    (messages, bytes): (usize, usize),
) -> Result<Answer, Unavailable> {
    let batch = messages.min(MOST);
    let request = json!({
        "seq": from.max(1), "next_by_subj": subject, "batch": batch, "max_bytes": bytes,
    });
    let answer = get(connection, stream, &request).await?;
    // Each names the one before it in the answer: none was lost on the way.
    let is_chain = answer.messages.windows(2).all(|pair| pair[1].before == pair[0].seq_no);
    if is_chain { Ok(answer) } else { Err(Unavailable) }
}

/// The last message of each of these subjects, without those below `from`.
pub(super) async fn last_of(
    connection: &Connection,
    stream: &str,
    subjects: &[String],
    from: u64,
) -> Result<Answer, Unavailable> {
    let mut request = json!({ "multi_last": subjects });
    if from > 0 {
        request["seq"] = from.into();
    }
    let answer = get(connection, stream, &request).await?;
    if answer.has_more { Err(Unavailable) } else { Ok(answer) }
}

/// The message with this number. `None`: the replica does not have it.
pub(super) async fn one(
    connection: &Connection,
    stream: &str,
    seq_no: u64,
) -> Result<Option<Stored>, Unavailable> {
    let request = json!({ "seq": seq_no }).to_string().into();
    let answer = connection.ask(subject(stream), request, None, LIMIT).await.ok_or(Unavailable)?;
    match answer.status.map(|status| status.as_u16()) {
        None | Some(200) => Ok(Stored::read(answer)),
        Some(404) => Ok(None),
        Some(_) => Err(Unavailable),
    }
}

fn subject(stream: &str) -> String {
    format!("$JS.API.DIRECT.GET.{stream}")
}

/// Dropped, the rest of the answer is thrown away.
async fn get(
    connection: &Connection,
    stream: &str,
    request: &Value,
) -> Result<Answer, Unavailable> {
    let client = connection.client();
    let inbox = client.new_inbox();
    let mut parts = client.subscribe(inbox.clone()).await.map_err(|_| Unavailable)?;
    let payload = request.to_string().into();
    let sent = client.publish_with_reply(subject(stream), inbox, payload).await;
    sent.map_err(|_| Unavailable)?;
    let mut answer = Answer::default();
    loop {
        let next = timeout(LIMIT, parts.next()).await;
        let Ok(Some(message)) = next else { return Err(Unavailable) };
        if connection.is_over() {
            return Err(Unavailable);
        }
        match message.status.map(|status| status.as_u16()) {
            None | Some(200) => answer.messages.push(Stored::read(message).ok_or(Unavailable)?),
            Some(204) => {
                let number = |name| {
                    let headers = message.headers.as_ref();
                    headers.and_then(|headers| stored::number(headers, name)).unwrap_or(0)
                };
                (answer.has_more, answer.up_to) = (number(PENDING) > 0, number(UP_TO));
                return Ok(answer);
            }
            Some(404) => return Ok(Answer::default()),
            Some(_) => return Err(Unavailable),
        }
    }
}
