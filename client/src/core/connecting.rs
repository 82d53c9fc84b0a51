//! Connections and their ends, tokens, and what happens as time passes.

use super::{Core, Effect, Line, TokenSource, setup};
use crate::{Notice, Stop};
use protocol::{ClientFrame, CloseCode, Reaction};
use std::time::Duration;

/// For an attempt to connect, and for the answer to a setup.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this time without a sign of life a ping is sent (a gateway pings every 25 s) …
const QUIET: Duration = Duration::from_secs(30);
/// … and after this time more the connection is dead.
const DEAD: Duration = Duration::from_secs(10);
/// Between two requests for a token on a connection.
const BETWEEN_TOKENS: Duration = Duration::from_secs(10);
/// A token is renewed this long before its end at the latest.
const BEFORE_EXPIRY: Duration = Duration::from_secs(30);
/// Browsers' timers cannot be longer.
const LONGEST_TIMER: Duration = Duration::from_millis((1 << 31) - 1);

impl Core {
    /// Begins an attempt to connect.
    pub(super) fn begin(&mut self) {
        match &self.source {
            TokenSource::Static(token) => self.connect(token.clone()),
            TokenSource::Provider => {
                self.line = Line::NeedsToken;
                self.fetch_token();
            }
        }
    }

    fn connect(&mut self, token: String) {
        self.line = Line::Connecting { token, until: self.now + PATIENCE };
        self.effects.push_back(Effect::Connect);
    }

    fn fetch_token(&mut self) {
        self.request = (self.request.0 + 1, true);
        self.asked_at = Some(self.now);
        self.effects.push_back(Effect::FetchToken { request: self.request.0 });
    }

    pub(super) fn opened(&mut self) {
        if let Line::Connecting { token, .. } = &self.line {
            let token = token.clone();
            self.set_up(&token);
        }
    }

    fn set_up(&mut self, token: &str) {
        self.subscriptions.reset();
        let max_frame = self.limits.map(|limits| limits.max_frame);
        let session = self.session.as_deref();
        let frame = setup::first(token, session, max_frame, &mut self.subscriptions);
        self.effects.push_back(Effect::Send(frame));
        self.line = Line::SettingUp { until: self.now + PATIENCE, again: None };
    }

    /// Sends the setup again, with a fresh token if there is a provider.
    fn set_up_again(&mut self) {
        match self.source.clone() {
            TokenSource::Static(token) => self.set_up(&token),
            TokenSource::Provider => {
                self.line = Line::SettingUp { until: self.now + PATIENCE, again: None };
                self.fetch_token();
            }
        }
    }

    pub(super) fn token(&mut self, request: u64, token: Result<String, String>) {
        if self.request != (request, true) {
            return;
        }
        self.request.1 = false;
        match (&self.line, token) {
            (Line::NeedsToken, Ok(token)) => self.connect(token),
            (Line::SettingUp { .. }, Ok(token)) => self.set_up(&token),
            (Line::Ready(_), Ok(token)) => {
                self.effects.push_back(Effect::Send(setup::renewal(&token)));
            }
            (Line::Ready(_), Err(why)) => {
                let text = format!("no new token: {why}; the present one goes on until it expires");
                self.notice(Notice::Warning { text });
                self.renew_at = Some(self.now);
            }
            (Line::NeedsToken, Err(why)) => self.wait(None, format!("no token: {why}")),
            (Line::SettingUp { .. }, Err(why)) => {
                self.disconnect(CloseCode::Normal.number());
                self.wait(None, format!("no token: {why}"));
            }
            _ => {}
        }
    }

    /// A token was refused before the setup; another one is tried once.
    pub(super) fn token_refused(&mut self, why: &str) {
        if self.may_try_another_token() {
            self.set_up_again();
        } else {
            self.disconnect(CloseCode::Normal.number());
            self.stop(Stop::Unauthenticated(why.to_owned()));
        }
    }

    fn may_try_another_token(&mut self) -> bool {
        self.refused_tokens += 1;
        self.source == TokenSource::Provider && self.refused_tokens < 2
    }

    /// The setup is to be repeated on the same connection.
    pub(super) fn repeat_setup_in(&mut self, delay: Duration) {
        if let Line::SettingUp { again, .. } = &mut self.line {
            *again = Some(self.now + delay);
        }
    }

    /// `ready` said when the gateway ends the connection.
    pub(super) fn expires_in(&mut self, time: Option<Duration>) {
        self.renew_at = time.filter(|_| self.source == TokenSource::Provider).map(|time| {
            let early = time.mul_f64(0.8).min(time.saturating_sub(BEFORE_EXPIRY));
            self.now + early.min(LONGEST_TIMER)
        });
    }

    /// When the next token is asked for on this connection.
    pub(super) fn renewal_at(&self) -> Option<Duration> {
        let earliest = self.asked_at.map_or(Duration::ZERO, |at| at + BETWEEN_TOKENS);
        self.renew_at.map(|at| at.max(earliest))
    }

    /// When the connection is pinged, or given up.
    pub(super) fn quiet_at(&self) -> Duration {
        self.pinged.map_or(self.heard + QUIET, |at| at + DEAD)
    }

    pub(super) fn closed(&mut self, code: u16) {
        if !matches!(self.line, Line::SettingUp { .. } | Line::Ready(_)) {
            return;
        }
        let meaning = CloseCode::from_number(code).map_or("", CloseCode::meaning);
        match CloseCode::reaction_to(code) {
            Reaction::Stop => self.stop(Stop::ByGateway { code, meaning: meaning.to_owned() }),
            Reaction::Token if !self.may_try_another_token() => {
                self.stop(Stop::Unauthenticated(meaning.trim_end_matches('.').to_owned()));
            }
            Reaction::Token | Reaction::BackOff | Reaction::None => {
                let cause = match code {
                    1006 => "the connection was lost".to_owned(),
                    _ => format!("the gateway closed the connection with {code}: {meaning}"),
                };
                self.wait(Some(code), cause.trim_end_matches(['.', ':', ' ']).to_owned());
            }
        }
    }

    pub(super) fn failed(&mut self, why: String) {
        if matches!(self.line, Line::Connecting { .. }) {
            self.wait(None, why);
        }
    }

    /// A proxy's errors and "too many requests" pass, and so does a gateway that starts or stops.
    pub(super) fn handshake_refused(&mut self, status: u16) {
        let hint = match status {
            401 | 403 => "this origin or client is not allowed (access.allowed_origins)",
            404 => "there is no gateway at this path; it ends with /ws or /ws/sub/{topic}",
            421 => "the gateway does not answer to this host name (access.allowed_hosts)",
            _ => "is the address a gateway's?",
        };
        match status {
            408 | 425 | 429 | 500.. => self.failed(format!("the gateway answered with {status}")),
            _ if matches!(self.line, Line::Connecting { .. }) => {
                self.stop(Stop::Handshake { status, hint });
            }
            _ => {}
        }
    }

    pub(super) fn disconnect(&mut self, code: u16) {
        let is_open =
            matches!(self.line, Line::Connecting { .. } | Line::SettingUp { .. } | Line::Ready(_));
        if is_open {
            self.effects.push_back(Effect::Disconnect(code));
        }
    }

    /// Gives up the connection and waits for the next attempt.
    pub(super) fn give_up(&mut self, cause: &str) {
        self.disconnect(CloseCode::Normal.number());
        self.wait(None, cause.to_owned());
    }

    fn wait(&mut self, code: Option<u16>, cause: String) {
        let ready_for = match self.line {
            Line::Ready(since) => Some(self.now - since),
            _ => None,
        };
        let delay = self.backoff.next(ready_for, code, (self.chance)());
        self.line = Line::Waiting(self.now + delay);
        self.request.1 = false;
        (self.renew_at, self.pinged) = (None, None);
        self.subscriptions.reset();
        self.publishes.reset();
        self.notice(Notice::Waiting { delay, cause });
    }

    pub(super) fn time(&mut self) {
        let now = self.now;
        for settled in self.publishes.expired(now) {
            self.settle(settled);
        }
        match self.line {
            Line::Waiting(at) if at <= now => self.begin(),
            Line::Connecting { until, .. } if until <= now => {
                self.give_up("no connection within 10 s");
            }
            Line::SettingUp { until, .. } if until <= now => {
                self.give_up("no answer to the setup within 10 s");
            }
            Line::SettingUp { again: Some(at), .. } if at <= now => self.set_up_again(),
            Line::Ready(_) => self.time_while_ready(),
            _ => {}
        }
    }

    fn time_while_ready(&mut self) {
        if self.quiet_at() <= self.now {
            if self.pinged.is_some() {
                return self.give_up("the gateway has not answered for 40 s");
            }
            self.pinged = Some(self.now);
            self.send(&ClientFrame::Ping);
        }
        if self.renewal_at().is_some_and(|at| at <= self.now) {
            self.renew_at = None;
            self.fetch_token();
        }
        if self.receipts.due().is_some_and(|at| at <= self.now) {
            self.send_receipts();
        }
        self.ask_for_topics();
    }
}
