//! The client on tokio: what a program uses, and the task behind it.

mod address;
mod builder;
mod driver;
mod handle;
mod socket;
mod tls;
mod wire;

pub use address::AddressError;
pub use builder::{Builder, TokenError};
pub use handle::{Handle, PublishOptions};
pub use socket::SubSocket;
