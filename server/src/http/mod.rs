//! HTTP: one file a concern, put together here. Relies on [`Gateway`] for everything that happens and on `socket` for what
//! follows an upgrade; the page at `/docs` comes from outside.
//!
//! Every route is written once, with its documentation: the router and the OpenAPI document are made from the same handlers.

mod admission;
mod asyncapi;
mod backend;
mod client_address;
mod demo;
mod documents;
mod headers;
mod health;
mod keys;
mod metrics;
mod names;
mod origin;
mod pages;
mod path;
mod problem;
mod publish;
mod requests;
mod stats;
mod stream;
mod ws;

use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router, middleware};
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub use admission::Visit;
pub use client_address::{ClientAddress, Peer};
pub use problem::{Code, Problem};
pub use stream::HttpStream;

use self::backend::Documented;
use self::documents::Documents;
use crate::gateway::Gateway;

/// What the OpenAPI document says besides its routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Micro Socket", description = "The HTTP part of the gateway. The WebSocket part is described by `/asyncapi.json`. Every error is \
        `application/problem+json` with a stable `code`; a path or method that is not listed here is answered by `NOT_FOUND` \
        or `METHOD_NOT_ALLOWED`."),
    servers((url = "/", description = "This gateway")),
    modifiers(&Documented),
    tags(
        (name = "WebSocket", description = "Where clients connect"),
        (name = "Gateway", description = "What goes on, and a way to publish without a client"),
        (name = "Operations", description = "For whoever runs the gateway"),
        (name = "Documentation", description = "For people and for tools"),
    )
)]
struct Api;

/// The page in the OpenAPI document: its own router answers.
#[derive(OpenApi)]
#[openapi(paths(pages::docs))]
struct DocsPage;

/// All routes. `page` answers `/docs` and the files that it loads; it is left out where `http.docs` is false.
pub fn router(gateway: Arc<Gateway>, page: Router<Arc<Gateway>>) -> Router {
    let config = gateway.config();
    let mut api = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(ws::any_topics))
        .routes(routes!(ws::one_topic))
        .routes(routes!(keys::keys))
        .routes(routes!(documents::openapi))
        .routes(routes!(documents::asyncapi))
        .merge(health());
    if config.http.admin_listen.is_none() {
        api = api.merge(operations());
    }
    if gateway.api_keys().is_some() {
        api = api.routes(routes!(publish::publish));
    }
    if config.has_demo() {
        api = api.routes(routes!(demo::publish).map(|methods| methods.head(demo::refuse_head)));
    }
    if config.http.docs {
        api = api.merge(OpenApiRouter::from(page)).merge(docs());
    }
    let (router, openapi) = api.split_for_parts();
    let documents = Documents {
        openapi: Bytes::from(serde_json::to_vec(&openapi).unwrap_or_default()),
        asyncapi: Bytes::from(asyncapi::document().to_string()),
    };
    let admit = middleware::from_fn_with_state(gateway.clone(), admission::admit);
    finish(router.layer(Extension(documents)).layer(admit), gateway)
}

/// What `http.admin_listen` serves.
pub fn admin(gateway: Arc<Gateway>) -> Router {
    finish(operations().merge(health()).into(), gateway)
}

fn finish(router: Router<Arc<Gateway>>, gateway: Arc<Gateway>) -> Router {
    router
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(gateway.clone(), requests::count))
        .layer(middleware::map_response(headers::protect))
        .with_state(gateway)
}

/// For load balancers and supervisors: on every listener.
fn health() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(health::healthz)).routes(routes!(health::readyz))
}

/// For operators: on the listener of their own, if there is one.
fn operations() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(stats::stats)).routes(routes!(metrics::metrics))
}

fn docs() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::with_openapi(DocsPage::openapi())
        .routes(routes!(pages::root))
        .routes(routes!(pages::openapi))
        .route(pages::START_PATH, get(pages::start))
        .route(pages::SCRIPT_PATH, get(pages::script))
}
