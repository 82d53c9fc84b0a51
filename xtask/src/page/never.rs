//! Takes out code that is never run, but that no compiler can see to be so: for each type of view Leptos keeps a pointer to
//! `hydrate_async` beside the other functions of that view. The page hydrates by `leptos::mount::hydrate_body`, which waits for nothing
//! and calls none of them. A call would trap, and the page would stay dead: all browser tests begin with it.

use anyhow::{Result, ensure};
use walrus::{FunctionKind, Module, ir::Unreachable, passes::gc};

/// In the names of those functions. Not `hydrate_async` alone: the compiler has one function for several that are alike, and that
/// may have the name of one that is never run.
const NEVER_RUN: &str = "into_any::hydrate_async";

/// Empties them, and takes out what only they have used.
///
/// # Errors
/// When there is none: then names are written otherwise now, or Leptos has changed.
pub(super) fn take_out(module: &mut Module) -> Result<()> {
    let mut count = 0;
    for function in module.funcs.iter_mut() {
        let is_never_run = function.name.as_ref().is_some_and(|name| name.contains(NEVER_RUN));
        if is_never_run && let FunctionKind::Local(local) = &mut function.kind {
            let entry = local.entry_block();
            local.block_mut(entry).instrs = vec![(Unreachable {}.into(), Default::default())];
            count += 1;
        }
    }
    ensure!(count > 0, "no function is called {NEVER_RUN}");
    gc::run(module);
    println!("took out {count} functions that never run ({NEVER_RUN})");
    Ok(())
}
