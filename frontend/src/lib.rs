//! The WebAssembly entry point: hydrates the server-rendered page. Relies on `app` for everything
//! that is shown.

#![recursion_limit = "256"]

/// Called by the loader script of the page once the module is there.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(app::App);
}
