//! The page at `/docs` and the files that it loads from `/pkg`. Relies on `app` for what is shown,
//! on [`Assets`] for the files, and on `Leptos.toml` for their names; knows nothing of the gateway
//! but its configured [`bounds`].

mod asset;
mod assets;
mod bounds;
mod compress;
mod document;
mod encoding;
mod inline;

use std::sync::Arc;

use app::Bounds;
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    routing::get,
};
use leptos_config::{LeptosOptions, errors::LeptosConfigError, get_config_from_str};

pub(crate) use asset::{Asset, FOREVER, REVALIDATED, is_held, revision};
pub use assets::Assets;
pub use bounds::bounds;
pub(crate) use document::Document;
pub(crate) use encoding::Encoding;

/// The Leptos options as they stand in the repository; the binary does not look for the file when
/// it runs.
const LEPTOS_TOML: &str = include_str!("../../../Leptos.toml");

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A `LEPTOS_…` environment variable does not fit the options in `Leptos.toml`.
    #[error("the Leptos options are not valid: {0}")]
    Options(#[from] LeptosConfigError),
}

/// Serves `/docs`, rendered once on the server with the gateway's own `bounds`, and the files that
/// it loads. Without any files the page is served all the same, and the log says how to build them.
///
/// # Errors
/// [`PageError::Options`] when the environment overrides a Leptos option with something that is
/// none.
pub fn router<S>(assets: Assets, bounds: Bounds) -> Result<Router<S>, PageError>
where
    S: Clone + Send + Sync + 'static,
{
    if assets.is_empty() {
        tracing::warn!(
            "the page's scripts, styles and fonts are not built: /docs is served without them; run `cargo xtask build`"
        );
    }
    let options = options(&assets)?;
    let folder = options.site_pkg_dir_route_base();
    let page = Arc::new(Document::new(move || render(&options, &bounds)));
    let page = Router::new()
        .route("/docs", get(async move |request: HeaderMap| page.respond(&request).await));
    Ok(assets.into_iter().fold(page, |router, (name, asset)| {
        let asset = Arc::new(asset);
        let respond = async move |request: HeaderMap| asset.respond(&request);
        router.route(&format!("{folder}{name}"), get(respond))
    }))
}

/// What `Leptos.toml` says, with the folder's name completed by the assets' revision.
fn options(assets: &Assets) -> Result<LeptosOptions, PageError> {
    let mut options = get_config_from_str(LEPTOS_TOML)?;
    if let Some(revision) = assets.revision() {
        options.site_pkg_dir = format!("{}/{revision}", options.site_pkg_dir).into();
    }
    Ok(options)
}

/// The page with the policy that lets its own scripts run, and no other. It is the same for every
/// client, and a page kept for long would ask for files of a revision that is gone.
fn render(options: &LeptosOptions, bounds: &Bounds) -> Asset {
    let html = app::html(options.clone(), bounds.clone());
    let page = Asset::new("text/html; charset=utf-8", REVALIDATED);
    let page = match HeaderValue::try_from(app::policy(&inline::sources(&html))) {
        Ok(policy) => page.with_header(header::CONTENT_SECURITY_POLICY, policy),
        // Hashes are ASCII.
        Err(_) => page,
    };
    page.in_every_form(html.into_bytes())
}
