//! What the process says beside its log, while nothing may stop or hold it up.

use std::{io::Write, sync::mpsc, thread, time::Duration};

/// How long it waits until the text is written. What has not been taken by then is written as soon
/// as it is, or never.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes `text` to `out`. A pipe that nothing reads costs the caller [`PATIENCE`]; a reader that
/// has gone and a full disk cost it nothing.
pub(crate) fn say(mut out: impl Write + Send + 'static, text: &str) {
    let text = text.to_owned();
    let (done, written) = mpsc::channel::<()>();
    let write = move || {
        // There is no other place to tell that it failed.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        drop(done);
    };
    if thread::Builder::new().name("say".to_owned()).spawn(write).is_ok() {
        let _ended = written.recv_timeout(PATIENCE);
    }
}
