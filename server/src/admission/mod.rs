//! The limits of connections: how many of which kind, and of which address. No I/O.
//!
//! A connection begins as an HTTP connection and holds an [`HttpPlace`]. When it becomes a
//! WebSocket it changes that for a [`WebSocketPlace`], whose socket stays counted until it is
//! closed: so a file descriptor is taken by an HTTP connection only, and all of them together are
//! bounded. With a limit for each address it also holds an [`AddressPlace`], from accept to its
//! end.
//!
//! | module | idea |
//! |---|---|
//! | `address` | connections of one address |
//! | `idle` | HTTP connections, and which of them is closed for a new one |

mod address;
mod idle;

pub(crate) use address::AddressPlace;
pub(crate) use idle::Visitor;

use crate::config;
use address::Addresses;
use hub::clock::{Clock, Micros};
use idle::{Idle, Origin};
use parking_lot::Mutex;
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// Connections that are kept free of WebSockets if the system allows fewer connections than the
/// configuration, so that probes get in; a quarter of all if these are few.
const HTTP_SHARE: usize = 64;

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There are as many WebSockets as there may be.
    Full,
    /// The client's address has as many connections as it may have.
    PerAddress,
    /// It was the idle one of many HTTP connections.
    HttpFull,
    /// The client's user has as many connections as it may have.
    PerUser,
}

impl Refusal {
    /// All there are.
    pub(crate) const ALL: [Self; 4] = [Self::Full, Self::PerAddress, Self::HttpFull, Self::PerUser];

    /// As a label of a metric.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::PerAddress => "per_address",
            Self::HttpFull => "http_full",
            Self::PerUser => "per_user",
        }
    }
}

/// The places of all connections.
#[derive(Debug)]
pub(crate) struct Admission {
    clock: Clock,
    /// WebSockets that are served.
    max_web_sockets: usize,
    max_http: usize,
    /// All connections. Less than the configuration has if the system allows no more.
    max_connections: AtomicUsize,
    web_sockets: AtomicUsize,
    /// Sockets of WebSockets: those that are served, and those that take their last bytes.
    sockets: AtomicUsize,
    http: Mutex<Idle>,
    addresses: Addresses,
    freed: Notify,
    refusals: [AtomicUsize; Refusal::ALL.len()],
}

impl Admission {
    /// Places as many as `limits` has.
    #[must_use]
    pub(crate) fn new(limits: &config::Limits, clock: Clock) -> Arc<Self> {
        Self::with(
            limits.max_connections,
            limits.max_http_connections,
            limits.max_connections_per_ip,
            clock,
        )
    }

    /// Places for HTTP alone.
    #[must_use]
    pub(crate) fn http_only(max_http: usize, clock: Clock) -> Arc<Self> {
        Self::with(0, max_http, 0, clock)
    }

    fn with(
        max_web_sockets: usize,
        max_http: usize,
        max_per_address: usize,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            clock,
            max_web_sockets,
            max_http,
            max_connections: AtomicUsize::new(max_web_sockets.saturating_add(max_http)),
            web_sockets: AtomicUsize::new(0),
            sockets: AtomicUsize::new(0),
            http: Mutex::default(),
            addresses: Addresses::new(max_per_address),
            freed: Notify::new(),
            refusals: Default::default(),
        })
    }

    /// All connections together are at most this many, if the limits allow more.
    pub(crate) fn fit_into(&self, connections: usize) {
        self.max_connections.fetch_min(connections, Relaxed);
    }

    /// The most connections that there may be.
    #[must_use]
    pub(crate) fn max_connections(&self) -> usize {
        self.max_connections.load(Relaxed)
    }

    /// HTTP connections: accepted, and not a WebSocket that is served.
    #[must_use]
    pub(crate) fn http_connections(&self) -> usize {
        self.http.lock().len()
    }

    /// Connections refused so far, by reason.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (Refusal, usize)> {
        Refusal::ALL.into_iter().zip(self.refusals.iter().map(|count| count.load(Relaxed)))
    }

    /// Counts a connection that is refused.
    pub(crate) fn count(&self, refusal: Refusal) {
        self.refusals[refusal as usize].fetch_add(1, Relaxed);
    }

    /// A place for a connection of `address`, or through a Unix socket. At the limit, the one that
    /// has sent nothing for longest, of the address with most of them, is told to close; if all
    /// have just sent something, it waits. Cancel-safe.
    pub(crate) async fn http(self: &Arc<Self>, address: Option<IpAddr>) -> HttpPlace {
        let origin = address.map(address::network);
        loop {
            match self.try_http(origin) {
                Ok(place) => return place,
                // Whichever comes first: a place, or the moment when one can be made free.
                Err(wait) => drop(timeout(wait, self.freed.notified()).await),
            }
        }
    }

    /// How long to wait, unless a place gets free before.
    fn try_http(self: &Arc<Self>, origin: Origin) -> Result<HttpPlace, Duration> {
        let mut http = self.http.lock();
        let now = self.clock.now();
        let all = http.len() + self.sockets.load(Relaxed);
        if http.len() < self.max_http && all < self.max_connections() {
            let (key, visitor) = http.add(origin, now);
            return Ok(HttpPlace { admission: self.clone(), key, visitor });
        }
        Err(self.close_one(&mut http, now))
    }

    /// How long it takes until one more can be closed.
    fn close_one(&self, http: &mut Idle, now: Micros) -> Duration {
        match http.take_longest_idle(now) {
            Ok(visitor) => {
                self.count(Refusal::HttpFull);
                visitor.close();
                idle::LEAST
            }
            Err(ripe) => {
                ripe.map_or(idle::LEAST, |ripe| Duration::from_micros(ripe.0.saturating_sub(now.0)))
            }
        }
    }

    /// Closes the HTTP connection that would go first at the limit, if there is an idle one: the
    /// system has no descriptors left.
    pub(crate) fn relieve(&self) {
        self.close_one(&mut self.http.lock(), self.clock.now());
    }

    /// Counts a connection of this address, if there is a limit for each.
    ///
    /// # Errors
    /// [`Refusal::PerAddress`]: there are so many of them that this one is not even told.
    pub(crate) fn address(
        self: &Arc<Self>,
        address: IpAddr,
    ) -> Result<Option<Arc<AddressPlace>>, Refusal> {
        AddressPlace::take(self, address).inspect_err(|refusal| self.count(*refusal))
    }

    /// A place for a WebSocket of a client that holds `address`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn web_socket(
        self: &Arc<Self>,
        address: Option<Arc<AddressPlace>>,
    ) -> Result<Box<WebSocketPlace>, Refusal> {
        if address.as_ref().is_some_and(|place| place.is_over()) {
            return Err(Refusal::PerAddress);
        }
        let most_sockets = self.max_connections()
            - HTTP_SHARE.min(self.max_http).min(self.max_connections().div_ceil(4));
        let is_full = self.web_sockets.fetch_add(1, Relaxed) >= self.max_web_sockets
            || self.sockets.load(Relaxed) >= most_sockets;
        // Dropped, it takes back what was counted.
        let place =
            Box::new(WebSocketPlace { socket: SocketPlace::take(self), address, is_served: true });
        if is_full { Err(Refusal::Full) } else { Ok(place) }
    }
}

/// What an HTTP connection holds until it ends or is a WebSocket.
#[derive(Debug)]
pub(crate) struct HttpPlace {
    admission: Arc<Admission>,
    key: usize,
    visitor: Arc<Visitor>,
}

impl HttpPlace {
    /// Where it is heard, and told to close.
    #[must_use]
    pub(crate) fn visitor(&self) -> &Arc<Visitor> {
        &self.visitor
    }
}

impl Drop for HttpPlace {
    fn drop(&mut self) {
        self.admission.http.lock().remove(self.key, self.admission.clock.now());
        self.admission.freed.notify_one();
    }
}

/// What a WebSocket holds until its socket is closed. In a box, since each connection's task holds
/// one.
#[derive(Debug)]
pub(crate) struct WebSocketPlace {
    socket: SocketPlace,
    address: Option<Arc<AddressPlace>>,
    is_served: bool,
}

impl WebSocketPlace {
    /// It is not served any more, only its last bytes are on their way: its client may come again.
    pub(crate) fn leave(&mut self) {
        if std::mem::take(&mut self.is_served) {
            self.socket.0.web_sockets.fetch_sub(1, Relaxed);
            self.address = None;
        }
    }
}

impl Drop for WebSocketPlace {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The socket of a WebSocket, until it is closed.
#[derive(Debug)]
struct SocketPlace(Arc<Admission>);

impl SocketPlace {
    fn take(admission: &Arc<Admission>) -> Self {
        admission.sockets.fetch_add(1, Relaxed);
        Self(admission.clone())
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Relaxed);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn admission(web_sockets: usize, http: usize) -> Arc<Admission> {
        Admission::with(web_sockets, http, 0, Clock::start())
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_an_idle_one_is_told_to_close_and_its_place_is_taken() {
        let admission = admission(1, 2);
        let (first, second) = (admission.http(None).await, admission.http(None).await);
        let mut third = Box::pin(admission.http(None));
        assert!(
            (&mut third).now_or_never().is_none()
                && first.visitor().closing().now_or_never().is_none(),
            "all are busy"
        );
        tokio::time::advance(idle::LEAST).await;
        second.visitor().hear(admission.clock.now());
        assert!((&mut third).now_or_never().is_none());
        assert!(
            first.visitor().closing().now_or_never().is_some()
                && second.visitor().closing().now_or_never().is_none()
        );
        assert!((&mut third).now_or_never().is_none(), "it has not closed yet");
        drop(first);
        third.await;
    }

    #[test]
    fn a_websocket_that_ends_may_come_again_although_its_socket_is_open() {
        let admission = admission(1, 10);
        let mut place = admission.web_socket(None).unwrap();
        assert_eq!(admission.web_socket(None).unwrap_err(), Refusal::Full);
        place.leave();
        drop(admission.web_socket(None).unwrap());
        assert_eq!(admission.sockets.load(Relaxed), 1);
        drop(place);
        assert_eq!((admission.sockets.load(Relaxed), admission.web_sockets.load(Relaxed)), (0, 0));
    }

    #[tokio::test]
    async fn with_few_descriptors_some_are_kept_for_http_and_all_are_bounded() {
        let admission = admission(100, 100);
        admission.fit_into(20);
        let web_sockets: Vec<_> = (0..15).map(|_| admission.web_socket(None).unwrap()).collect();
        assert_eq!(admission.web_socket(None).unwrap_err(), Refusal::Full);
        let http: Vec<_> = (0..5).map(|_| admission.http(None).now_or_never().unwrap()).collect();
        assert!(admission.http(None).now_or_never().is_none());
        drop(web_sockets);
        assert!(admission.http(None).now_or_never().is_some());
        drop(http);
    }
}
