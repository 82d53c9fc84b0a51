//! Panics are lines of the log. The standard library would write them to standard error itself, and
//! wait until it takes them.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic::{PanicHookInfo, set_hook},
    thread,
};

/// From now on, in every thread.
pub(super) fn go_to_the_log() {
    set_hook(Box::new(tell));
}

fn tell(panic: &PanicHookInfo<'_>) {
    // It exists only if RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured)
        .then(|| tracing::field::display(backtrace));
    tracing::error!(
        thread = thread::current().name(),
        at = panic.location().map(tracing::field::display),
        reason = reason(panic.payload()),
        backtrace,
        "a thread has panicked"
    );
}

/// Without what the standard library puts into backquotes and behind them: pieces of strings, and
/// values of errors. A client may have sent them.
fn reason(payload: &dyn Any) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(literal), _) => literal,
        (None, Some(formatted)) => formatted.split('`').next().unwrap_or_default(),
        (None, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn the_reason_holds_nothing_that_a_client_has_sent() {
        let reason_of = |panics: fn()| reason(&*catch_unwind(panics).unwrap_err()).to_owned();
        assert_eq!(reason_of(|| panic!("a `literal`")), "a `literal`");
        assert_eq!(reason_of(|| panic!("{} of {}", 1, 2)), "1 of 2");
        assert_eq!(reason_of(|| std::panic::panic_any(7)), "");
        let sliced = reason_of(|| drop(String::from("sécret")[..2].to_owned()));
        assert!(!sliced.is_empty() && !sliced.contains("cret"), "{sliced}");
        let unwrapped = reason_of(|| drop(String::from_utf8(b"secret\xFF".to_vec()).unwrap()));
        assert!(!unwrapped.is_empty() && !unwrapped.contains("115, 101"), "{unwrapped}");
    }
}
