//! Removes code that never runs, although no compiler can prove it: for each type of view Leptos
//! keeps a pointer to `hydrate_async` beside the other functions of that view. The page hydrates by
//! `leptos::mount::hydrate_body`, which is synchronous and calls none of them. A call would trap,
//! and the page would not hydrate: all browser tests would fail.

use anyhow::{Result, ensure};
use walrus::{FunctionKind, Module, ir::Unreachable, passes::gc};

/// How the names of those functions end: the function that makes the future of a view, and the one
/// that polls it. Other functions inside them are kept, because the compiler merges functions with
/// the same code, under any of their names; these two are never merged, since each refers to its
/// own future.
const NEVER_RUN: [&str; 2] = ["into_any::hydrate_async", "hydrate_async::{{closure}}"];

/// Empties these functions, and removes what only they have used.
///
/// # Errors
/// If none is found: then the mangled names or Leptos have changed.
pub(super) fn take_out(module: &mut Module) -> Result<()> {
    let mut count = 0;
    for function in module.funcs.iter_mut() {
        let is_never_run = function.name.as_deref().is_some_and(is_never_run);
        if is_never_run && let FunctionKind::Local(local) = &mut function.kind {
            let entry = local.entry_block();
            local.block_mut(entry).instrs = vec![(Unreachable {}.into(), Default::default())];
            count += 1;
        }
    }
    ensure!(count > 0, "no function is called {NEVER_RUN:?}");
    gc::run(module);
    println!("emptied {count} functions that never run");
    Ok(())
}

/// The name ends in a hash: `::h` and 16 digits.
fn is_never_run(name: &str) -> bool {
    let name = name.rsplit_once("::h").map_or(name, |(name, _)| name);
    NEVER_RUN.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_and_polls_a_view_s_future_is_taken_out() {
        let any = "<T as tachys::view::any_view::IntoAny>::into_any::hydrate_async";
        for (name, expected) in [
            (format!("{any}::h0123456789abcdef"), true),
            (format!("{any}::{{{{closure}}}}::h0123456789abcdef"), true),
            ("<E as tachys::view::RenderHtml>::hydrate_async::{{closure}}::inner_1::h04a8c36b3209defb".to_owned(), false),
            ("<T as tachys::view::any_view::IntoAny>::into_any::hydrate_from_server::ha10dff8d2dd9b189".to_owned(), false),
        ] {
            assert_eq!(is_never_run(&name), expected, "{name}");
        }
    }
}
