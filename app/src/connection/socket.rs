//! The browser's WebSocket as a sequence of [`Event`]s. Uses `web-sys` directly: an event is
//! handled when the browser delivers it, not when a task gets its turn, so that times in the log
//! are true.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket, js_sys};

/// An event of a socket.
#[derive(Debug)]
pub(crate) enum Event {
    /// The handshake has succeeded.
    Opened,
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
    /// The socket has closed, or could not be opened.
    Closed { code: u16, reason: String },
}

/// The browser does not accept the address.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the browser does not accept this address")]
pub(crate) struct AddressRefused;

/// An open or opening socket. Dropping it closes it; no more events follow.
pub(crate) struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn Fn()>,
    _on_message: Closure<dyn Fn(MessageEvent)>,
    _on_close: Closure<dyn Fn(CloseEvent)>,
}

impl Socket {
    /// Begins to connect; `on` receives the events.
    pub(crate) fn open(
        url: &str,
        on: impl Fn(Event) + Clone + 'static,
    ) -> Result<Self, AddressRefused> {
        let socket = WebSocket::new(url).map_err(|_| AddressRefused)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (opened, closed) = (on.clone(), on.clone());
        let on_open = Closure::<dyn Fn()>::new(move || opened(Event::Opened));
        let on_message =
            Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| on(read(&event)));
        let on_close = Closure::<dyn Fn(CloseEvent)>::new(move |event: CloseEvent| {
            closed(Event::Closed { code: event.code(), reason: event.reason() });
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { socket, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    /// Sends one text frame; false if the socket is not open.
    pub(crate) fn send(&self, text: &str) -> bool {
        self.socket.ready_state() == WebSocket::OPEN && self.socket.send_with_str(text).is_ok()
    }

    /// Begins to close.
    pub(crate) fn close(&self) {
        // A page may always close with 1000.
        let _ = self.socket.close_with_code(1000);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.close();
    }
}

fn read(event: &MessageEvent) -> Event {
    let data = event.data();
    match data.as_string() {
        Some(text) => Event::Text(text),
        None => Event::Binary(js_sys::Uint8Array::new(&data).to_vec()),
    }
}
