//! The HTML document around the page's root component. Only the server renders it.

use crate::{App, reference::Bounds};
use leptos::prelude::*;

/// Runs before the first paint: applies the chosen theme, and marks that scripts run.
const BEFORE_PAINT: &str = r#"{const e=document.documentElement;e.classList.add("js");try{const t=localStorage.getItem("theme");if(t==="light"||t==="dark")e.dataset.theme=t}catch{}}"#;

const DESCRIPTION: &str = "Connect to the gateway, send typed messages and read every frame.";

/// The brand's mark for the browser's tab, as a data URL to save a request.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 22 22' fill='none' stroke='%235577dd' \
                    stroke-width='2'%3E%3Cpath d='M11 1v20M1 7h5M21 15h-8M16.5 11.5l-5 3.5 5 3.5'/%3E%3Cpath fill='%235577dd' \
                    d='m5.5 3.8 5 3.2-5 3.2z'/%3E%3C/svg%3E";

/// The document's `Content-Security-Policy`: it may load from this gateway, run only the inline
/// scripts that `scripts` names (sources separated by spaces), and connect to any address, because
/// that is the playground's purpose. Style *attributes* are allowed: they size the log before the
/// code has loaded.
pub fn policy(scripts: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' {scripts}; style-src 'self'; style-src-attr 'unsafe-inline'; font-src 'self'; \
         img-src 'self' data:; connect-src 'self' ws: wss: http: https:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// The whole document as text. `bounds` are the gateway's own limits; nothing in the document comes
/// from a request.
pub fn html(options: LeptosOptions, bounds: Bounds) -> String {
    let owner = Owner::new();
    let html = owner.with(|| shell(options, bounds).into_view().to_html());
    owner.cleanup();
    html
}

/// The whole document: head, scripts that hydrate, and [`App`]. `bounds` are the gateway's own
/// limits.
fn shell(options: LeptosOptions, bounds: Bounds) -> impl IntoView {
    provide_context(bounds);
    let pkg = format!("/{}", options.site_pkg_dir);
    let style = format!("{pkg}/{}.css", options.output_name);
    let fonts = ["atkinson-next", "atkinson-mono"].map(|name| {
        let href = format!("{pkg}/fonts/{name}.woff2");
        view! { <link rel="preload" href=href r#as="font" r#type="font/woff2" crossorigin="anonymous"/> }
    });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="description" content=DESCRIPTION/>
                <meta name="color-scheme" content="light dark"/>
                <title>"Micro Socket"</title>
                <script>{BEFORE_PAINT}</script>
                <link rel="icon" href=ICON type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                {fonts}
                <HydrationScripts options/>
                {kinds()}
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// The data of the composer's forms. The script element holds data, which does not run, so the
/// policy does not name it.
fn kinds() -> impl IntoView {
    view! { <script type="application/json" id=crate::composer::KINDS inner_html=crate::composer::kinds()></script> }
}
