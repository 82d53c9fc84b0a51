//! A client of a Micro Socket gateway. It connects again by itself, resumes where it was, drops
//! repeats, publishes once, and tells what may be missing.
//!
//! ```no_run
//! use client::{Event, SubSocket};
//! use futures_util::StreamExt;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut socket = SubSocket::by_topics("ws://127.0.0.1:3000", ["prices"])?.token("me").connect();
//! let ack = socket.handle().publish("prices", &serde_json::json!({ "bid": 100 }), Default::default()).await?;
//! println!("stored as {}", ack.seq_no);
//! while let Some(event) = socket.next().await {
//!     match event {
//!         Event::Message(message) => println!("{} {}", message.seq_no, message.json()),
//!         Event::Notice(notice) => eprintln!("{notice}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! | module | idea |
//! |---|---|
//! | [`core`](mod@core) | what the client does, as a state machine without I/O; builds for wasm32 |
//! | `native` | the driver: sockets, TLS, timers and tokens, on tokio |

pub mod core;
mod error;
mod event;
mod message;
#[cfg(not(target_arch = "wasm32"))]
mod native;

pub use self::core::{Acked, Start};
pub use error::{PublishError, Stop, SubscribeError};
pub use event::{Event, Notice};
pub use message::Message;
#[cfg(not(target_arch = "wasm32"))]
pub use native::{AddressError, Builder, Handle, PublishOptions, SubSocket, TokenError};
pub use protocol::AckStatus;

/// The frame of a publish.
#[cfg(any(test, not(target_arch = "wasm32")))]
fn native_frame(
    topic: &protocol::Topic<'_>,
    message_id: &protocol::MessageId<'_>,
    payload: protocol::Payload<'_>,
) -> String {
    core::text(&protocol::ClientFrame::Publish(protocol::Publish {
        topic: topic.reborrow(),
        message_id: message_id.reborrow(),
        payload,
    }))
}
