//! Takes out code that is never run, but that no compiler can see to be so: Leptos keeps a pointer to `hydrate_async` for each
//! type of view beside the other functions of that view. The page hydrates by `leptos::mount::hydrate_body`, which waits for nothing
//! and calls none of them. A call would trap, and the page would stay dead: the browser tests begin with it.

use anyhow::{Result, ensure};
use walrus::{FunctionKind, Module, ir::Unreachable, passes::gc};

/// In the names of those functions, and of nothing else.
const NEVER_RUN: &str = "hydrate_async";

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
