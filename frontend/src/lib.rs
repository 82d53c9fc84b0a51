//! The WebAssembly entry point: hydrates the page that the server rendered. Everything that is
//! shown is in `app`.

#![recursion_limit = "256"]

/// Called by the page's loader script after it has loaded the module.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
