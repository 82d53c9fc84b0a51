//! The page at `/docs` and the files that it loads from `/pkg`. Relies on `app` for what is shown, on [`Assets`] for
//! the files, and on `Leptos.toml` for their names; knows nothing of the gateway but its configured [`bounds`].

mod assets;
mod bounds;
mod encoding;

use std::sync::Arc;

use any_spawner::Executor;
use app::Bounds;
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
    routing::get,
};
use leptos::context::use_context;
use leptos_axum::ResponseOptions;
use leptos_config::{LeptosOptions, errors::LeptosConfigError, get_config_from_str};

pub use assets::Assets;
pub use bounds::bounds;
pub(crate) use encoding::Encoding;

/// The Leptos options as they stand in the repository; the binary does not look for the file when it runs.
const LEPTOS_TOML: &str = include_str!("../../../Leptos.toml");

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A `LEPTOS_…` environment variable does not fit the options in `Leptos.toml`.
    #[error("the Leptos options are not valid: {0}")]
    Options(#[from] LeptosConfigError),
}

/// Serves `/docs`, rendered on the server with the gateway's own `bounds`, and the files that it loads. Without any files the page is served all the
/// same, and the log says how to build them.
///
/// # Errors
/// [`PageError::Options`] when the environment overrides a Leptos option with something that is none.
pub fn router<S>(assets: Assets, bounds: Bounds) -> Result<Router<S>, PageError>
where
    S: Clone + Send + Sync + 'static,
{
    if assets.is_empty() {
        tracing::warn!("the page's scripts, styles and fonts are not built: /docs is served without them; run `cargo xtask build`");
    }
    let options = options(&assets)?;
    let folder = options.site_pkg_dir_route_base();
    // It fails only where an earlier router has set the same executor.
    let _ = Executor::init_tokio();
    let page = leptos_axum::render_app_async(move || {
        guard();
        app::shell(options.clone(), bounds.clone())
    });
    let page = Router::new().route("/docs", get(page)).layer(axum::middleware::map_response(revalidate));
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

/// Sends the policy with the page that is being rendered: it names this rendering's scripts.
fn guard() {
    if let (Some(response), Ok(policy)) = (use_context::<ResponseOptions>(), HeaderValue::try_from(app::policy())) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// A page kept for long would ask for files of a revision that is gone.
async fn revalidate(mut page: Response) -> Response {
    let no_cache = HeaderValue::from_static("no-cache");
    page.headers_mut().insert(header::CACHE_CONTROL, no_cache);
    page
}
