//! The page at `/docs`.
use leptos::prelude::*;

/// The whole document: head, scripts that hydrate, and [`App`].
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <link rel="stylesheet" href=options.css_path()/>
                <HydrationScripts options/>
                <title>"Micro Socket"</title>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The page's root component.
#[component]
pub fn App() -> impl IntoView {
    view! { <main><h1>"Micro Socket"</h1></main> }
}
