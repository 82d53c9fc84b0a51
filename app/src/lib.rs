//! The page at `/docs`: one document that explains the gateway and lets the user try it. Rendered
//! on the server, readable without scripts, hydrated by WebAssembly. Relies on [`protocol`] for
//! every frame, field and code that it shows.
//!
//! | module | what it is |
//! |---|---|
//! | `root` | the root component |
//! | `document` | the HTML around it |
//! | `shell` | top bar, theme, help, shortcuts, icons |
//! | `playground` | combines connection, composer and log |
//! | `connection` | one WebSocket: address, state, why it failed or ended |
//! | `composer` | one message as a form made from the protocol's types, and as JSON |
//! | `log` | every frame both ways |
//! | `checks` | what the frames prove, and the `setup` that resumes after a broken connection |
//! | `json` | JSON for people: tokens, indentation, the place of an error |
//! | `endpoints`, `reference` | what the gateway offers over HTTP, and the protocol |
//! | `static_html` | HTML that only the server renders |
//! | `browser` | what the page asks the browser for: time, storage, clipboard |
//!
//! # What tests may rely on
//!
//! Roles and names first; the attributes below are stable as well.
//!
//! | what | how |
//! |---|---|
//! | hydrated | `<html data-hydrated>` appears; until then controls are disabled |
//! | sections | `#playground`, `#endpoints`, `#protocol`; navigation "Sections" with links Playground, Endpoints, Protocol |
//! | endpoint | radio group "Endpoint": "Many topics", "One topic", "Another address"; textbox "URL" |
//! | connecting | button "Connect" / "Disconnect" (also "Stop" while connecting); group "Connection" in the top bar says `connected`, `connecting`, `not connected`, `closed`, `could not connect` (`data-state`) |
//! | kind | radio group "Kind of message": setup, subscribe, unsubscribe, publish, ack, ping |
//! | fields | textboxes named as on the wire: `token`, `topics` (adds a chip on Enter or comma; buttons "Remove prices"), `topic`, `messageId`, `payload`, `lastSeq`, `epoch`, `seqNo`, `sessionId` |
//! | message id | buttons "Keep this id" (`aria-pressed`) and "New id" |
//! | views | group "Write as": buttons "Form", "JSON"; in JSON the textbox "Message as JSON" |
//! | sending | button "Send publish" (the kind), "Connect and send setup" while closed, "Send all the same" if something is wrong |
//! | faults | `.field__error` with the field's `aria-describedby`; `[aria-invalid="true"]` |
//! | log | treegrid "Frames, oldest first"; rows `.row[data-kind][data-dir]` (`data-dir` is `out` or `in`, missing on events `open`, `close`); `data-flag="duplicate"`; unfolding: click or Enter, `aria-expanded`; region "Frame as JSON", of a fault "What happened" |
//! | log tools | searchbox "Find in frames"; group "Direction": Both, Out, In; combobox "Kind"; button "Pause" (`aria-pressed`), buttons "Copy the log as JSON lines", "Clear the log"; button "Following newest", "Follow newest" / "3 new rows" once scrolled away |
//! | checks | region "Checks" with list items `[data-result]` (`holds`, `broken`, `idle`): Order, Gaps, Duplicates, Resume, Signatures; checkbox "Reconnect by itself", button "Drop connection"; while waiting, buttons "Now" and "Stop" and `data-state="reconnecting"` |
//! | narrow | group "View": buttons "Compose", "Log", "Checks" (below 768 px) |
//! | theme | button "Theme: system" / "Theme: light" / "Theme: dark"; `<html data-theme>` |
//! | help | button "Help and shortcuts" opens the dialog "Keyboard" |

// The type of a view contains the types of all views inside it.
#![recursion_limit = "256"]
#![expect(
    unreachable_pub,
    reason = "Leptos's #[component] writes `pub` items whatever the component's own visibility"
)]

mod browser;
mod checks;
mod composer;
mod connection;
#[cfg(not(target_arch = "wasm32"))]
pub mod document;
pub mod endpoints;
mod json;
mod log;
mod playground;
pub mod reference;
mod root;
mod shell;
mod static_html;

#[cfg(not(target_arch = "wasm32"))]
pub use document::{html, policy};
pub use reference::Bounds;
pub use root::App;

#[cfg(not(erase_components))]
compile_error!(
    "the page is built with `--cfg erase_components` (.cargo/config.toml): if RUSTFLAGS is set, it must contain the flag too"
);
