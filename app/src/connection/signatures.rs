//! Verifies the signatures of messages with the browser's own Ed25519. One after the other and
//! apart from the log: a message is shown when it arrives, and marked when its signature has been
//! verified.

use crate::{
    browser,
    log::{
        Feed,
        entry::{Checked, Verdict},
    },
};
use gloo_net::http::Request;
use js_sys::{Array, JSON, Object, Reflect};
use leptos::{prelude::*, task::spawn_local};
use protocol::{Epoch, ServerFrame, signature::put_signed};
use send_wrapper::SendWrapper;
use std::collections::{HashMap, VecDeque};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, SubtleCrypto};

const ALGORITHM: &str = "Ed25519";

/// The most messages that wait for verification; further ones are not marked.
const MAX_WAITING: usize = 5_000;

/// The signatures of one connection. A handle: copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct Signatures {
    feed: Feed,
    state: StoredValue<State>,
}

#[derive(Default)]
struct State {
    /// Distinguishes connections: results for an earlier one are ignored.
    connection: u64,
    /// The URL of the gateway's keys.
    url: String,
    /// `None`: not fetched yet.
    keys: Option<SendWrapper<Vec<CryptoKey>>>,
    epochs: HashMap<Box<str>, Epoch<'static>>,
    waiting: VecDeque<Waiting>,
    /// A task is working on the waiting messages.
    busy: bool,
}

struct Waiting {
    row: u64,
    signed: Vec<u8>,
    /// The signature as it was received.
    signature: Box<str>,
}

impl Signatures {
    pub(super) fn new(feed: Feed) -> Self {
        Self { feed, state: StoredValue::default() }
    }

    /// A connection begins; the gateway lists its keys at `url`.
    pub(super) fn begin(self, url: String) {
        self.state.update_value(|state| {
            let (connection, busy) = (state.connection + 1, state.busy);
            *state = State { connection, url, busy, ..State::default() };
        });
    }

    /// Queues the signature of a received frame, shown as row `row`.
    pub(super) fn received(self, row: u64, frame: &ServerFrame<'_>) {
        match frame {
            ServerFrame::Subscribed(subscribed) => self.state.update_value(|state| {
                state.epochs.insert(
                    subscribed.topic.as_str().into(),
                    subscribed.epoch.clone().into_owned(),
                );
            }),
            ServerFrame::Message(message) if message.sig.is_some() => {
                self.state.update_value(|state| state.wait(row, message));
                self.work();
            }
            _ => {}
        }
    }

    fn work(self) {
        if !self.state.with_value(|state| state.busy) {
            self.state.update_value(|state| state.busy = true);
            spawn_local(async move {
                while let Some((connection, waiting)) = self.next() {
                    let verdict = self.check(connection, &waiting).await;
                    if self.connection() == connection {
                        self.feed.record(|store| store.checked(waiting.row, verdict));
                    }
                }
                self.state.update_value(|state| state.busy = false);
            });
        }
    }

    fn connection(self) -> u64 {
        self.state.with_value(|state| state.connection)
    }

    fn next(self) -> Option<(u64, Waiting)> {
        self.state
            .try_update_value(|state| Some((state.connection, state.waiting.pop_front()?)))
            .flatten()
    }

    async fn check(self, connection: u64, waiting: &Waiting) -> Verdict {
        let Some(signature) = browser::base64url(&waiting.signature) else { return Verdict::Wrong };
        let keys = self.keys(connection).await;
        if keys.is_empty() {
            return Verdict::NoKey;
        }
        for key in &keys {
            if verifies(key, &signature, &waiting.signed).await.unwrap_or(false) {
                return Verdict::Good;
            }
        }
        Verdict::Wrong
    }

    /// The gateway's keys, fetched once per connection.
    async fn keys(self, connection: u64) -> Vec<CryptoKey> {
        if let Some(keys) =
            self.state.with_value(|state| state.keys.as_ref().map(|keys| keys.to_vec()))
        {
            return keys;
        }
        let url = self.state.with_value(|state| state.url.clone());
        let keys = fetch(&url).await.unwrap_or_default();
        if self.connection() == connection {
            self.state.update_value(|state| state.keys = Some(SendWrapper::new(keys.clone())));
        }
        keys
    }
}

impl State {
    fn wait(&mut self, row: u64, message: &protocol::Message<'_>) {
        let (Some(epoch), Some(signature)) =
            (self.epochs.get(message.topic.as_str()), &message.sig)
        else {
            return;
        };
        if self.waiting.len() < MAX_WAITING {
            let mut signed = Vec::new();
            put_signed(
                &mut signed,
                &message.topic,
                epoch,
                message.seq_no.get(),
                &message.message_id,
                message.data.get(),
            );
            self.waiting.push_back(Waiting { row, signed, signature: (&**signature).into() });
        }
    }
}

/// The browser's cryptography; an error if the page was loaded over plain HTTP from another
/// machine.
fn subtle() -> Result<SubtleCrypto, JsValue> {
    let subtle = window().crypto()?.subtle();
    if subtle.is_undefined() { Err(JsValue::UNDEFINED) } else { Ok(subtle) }
}

async fn fetch(url: &str) -> Result<Vec<CryptoKey>, JsValue> {
    let failed = |error: gloo_net::Error| JsValue::from(error.to_string());
    let text = Request::get(url).send().await.map_err(failed)?.text().await.map_err(failed)?;
    let listed: Array = Reflect::get(&JSON::parse(&text)?, &"keys".into())?.dyn_into()?;
    let mut keys = Vec::new();
    for key in listed.iter() {
        // The set may contain keys of kinds that the page does not know.
        if let Ok(key) = import(&key.unchecked_into()).await {
            keys.push(key);
        }
    }
    Ok(keys)
}

async fn import(jwk: &Object) -> Result<CryptoKey, JsValue> {
    // The set contains JOSE's name of the algorithm, which not all browsers accept.
    Reflect::delete_property(jwk, &"alg".into())?;
    let imported = subtle()?.import_key_with_str(
        "jwk",
        jwk,
        ALGORITHM,
        false,
        &Array::of1(&"verify".into()),
    )?;
    JsFuture::from(imported).await?.dyn_into()
}

async fn verifies(key: &CryptoKey, signature: &[u8], signed: &[u8]) -> Result<bool, JsValue> {
    let verified =
        subtle()?.verify_with_str_and_u8_array_and_u8_array(ALGORITHM, key, signature, signed)?;
    Ok(JsFuture::from(verified).await?.is_truthy())
}

/// The text in the log's status bar.
pub(crate) fn words(checked: Checked) -> String {
    match checked {
        Checked { good: 0, bad: 0 } => String::new(),
        Checked { good, bad } => format!("signatures ✓ {good} / ✗ {bad}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_takes_its_epoch_from_the_subscription_and_its_data_as_it_came() {
        let mut state = State::default();
        let frame = r#"{"type":"message","topic":"t","seqNo":7,"messageId":"m","data":{ "a" : 1.50 },"sig":"AQI"}"#;
        let Ok(ServerFrame::Message(message)) = ServerFrame::parse(frame) else {
            panic!("{frame}")
        };
        state.wait(1, &message);
        assert!(state.waiting.is_empty(), "nothing is known of the topic");
        state.epochs.insert("t".into(), Epoch::new("e1").unwrap());
        state.wait(1, &message);
        let waiting = state.waiting.pop_front().unwrap();
        assert_eq!(waiting.signed, b"t\ne1\n7\nm\n{ \"a\" : 1.50 }");
        assert_eq!(&*waiting.signature, "AQI");
    }

    #[test]
    fn the_foot_counts_once_there_is_something() {
        assert_eq!(words(Checked::default()), "");
        assert_eq!(words(Checked { good: 3, bad: 1 }), "signatures ✓ 3 / ✗ 1");
    }
}
