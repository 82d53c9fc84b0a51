//! HTTP: one file a concern, put together here. Relies on [`Gateway`] for everything that happens
//! and on `socket` for what follows an upgrade; the page at `/docs` comes from outside.
//!
//! Every route is written once, with its documentation: the router and the OpenAPI document are
//! made from the same handlers.

mod admission;
mod asyncapi;
mod backend;
mod client_address;
mod demo;
mod documents;
mod fresh_id;
mod headers;
mod health;
mod host;
mod keys;
mod metrics;
mod names;
mod openapi;
mod origin;
mod pages;
mod path;
mod problem;
mod publish;
mod requests;
mod site;
mod slash;
mod stats;
mod subprotocol;
mod tcp_stream;
mod upgrade;
mod ws;

use std::sync::Arc;

use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use tower_http::CompressionLevel;
use tower_http::compression::{CompressionLayer, Predicate, predicate::SizeAbove};
use tower_http::cors::{Any, CorsLayer, Vary};
use utoipa::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub(crate) use admission::Visit;
pub(crate) use client_address::Peer;
pub(crate) use host::Listener;
pub(crate) use tcp_stream::HttpStream;

use self::backend::Documented;
use self::problem::ProblemBody;
use crate::gateway::Gateway;

/// What the OpenAPI document says besides its routes.
#[derive(OpenApi)]
#[openapi(
    info(title = "Micro Socket", description = "The HTTP part of the gateway. The WebSocket part is described by `/asyncapi.json`. Every error is \
        `application/problem+json` with a stable `code`; a path or method that is not listed here is answered by `NOT_FOUND` \
        or `METHOD_NOT_ALLOWED`, a missing, repeated or malformed `Host` by `INVALID_MESSAGE` with status 400."),
    servers((url = "/", description = "This gateway")),
    modifiers(&Documented),
    components(schemas(ProblemBody), responses(ws::Opened)),
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

/// Answers of fewer bytes are sent as they are: a packet is a packet.
const WORTH_COMPRESSING: u16 = 256;

/// All routes. `page` answers `/docs` and the files that it loads; it is left out if `http.docs` is
/// false.
pub(crate) fn router(gateway: Arc<Gateway>, page: Router<Arc<Gateway>>) -> Router {
    stats::introduce(&gateway);
    let config = gateway.config();
    let mut answers = OpenApiRouter::new()
        .routes(routes!(keys::keys).map(to_every_origin))
        .routes(routes!(documents::asyncapi).map(to_every_origin));
    if config.http.admin_listen.is_none() {
        answers = answers.merge(operations());
    }
    if gateway.verifiers.api_keys().is_some() {
        answers = answers.routes(routes!(publish::publish));
    }
    if config.has_demo() {
        answers =
            answers.routes(routes!(demo::publish).map(|methods| methods.head(demo::refuse_head)));
    }
    let mut api = OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(ws::any_topics))
        .routes(routes!(ws::one_topic))
        .routes(routes!(documents::openapi).map(to_every_origin))
        .merge(health())
        .merge(answers.layer(compression()));
    if config.http.docs {
        api = api.merge(docs(page));
    }
    let (router, mut openapi) = api.split_for_parts();
    openapi::complete(&mut openapi);
    let router = router
        .layer(Extension(documents::written(openapi)))
        .layer(from_fn_with_state(gateway.clone(), admission::admit));
    let named = from_fn_with_state(gateway.clone(), host::check);
    finish(with_fallbacks(router).layer(named), gateway)
}

/// What `http.admin_listen` serves.
pub(crate) fn admin(gateway: Arc<Gateway>) -> Router {
    finish(with_fallbacks(operations().layer(compression()).merge(health()).into()), gateway)
}

fn with_fallbacks(router: Router<Arc<Gateway>>) -> Router<Arc<Gateway>> {
    router.fallback(problem::not_found).method_not_allowed_fallback(problem::method_not_allowed)
}

/// What holds for every request and answer.
fn finish(router: Router<Arc<Gateway>>, gateway: Arc<Gateway>) -> Router {
    let router = router
        .layer(from_fn(host::read))
        .layer(from_fn_with_state(gateway.clone(), requests::count))
        .layer(map_response(headers::protect))
        .with_state(gateway);
    // Around the whole router, as a path that is changed has to be looked up afterwards.
    Router::new().fallback_service(router).layer(from_fn(slash::drop_one))
}

/// Compresses what is made anew for each request, and fast; documents that stand still bring their
/// own compressed forms.
fn compression() -> CompressionLayer<impl Predicate> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(WORTH_COMPRESSING))
}

/// Pages of every origin may read what is here.
fn to_every_origin<S: Clone + Send + Sync + 'static>(methods: MethodRouter<S>) -> MethodRouter<S> {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers(Any)
        .vary(Vary::list([]));
    // A fallback of its own: one that came later would answer the browser's question (OPTIONS)
    // before the layer does.
    methods.fallback(problem::method_not_allowed).layer(cors)
}

/// For load balancers and supervisors: on every listener.
fn health() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(health::healthz)).routes(routes!(health::readyz))
}

/// For operators: on the listener of their own, if there is one.
fn operations() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(stats::stats)).routes(routes!(metrics::metrics))
}

fn docs(page: Router<Arc<Gateway>>) -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::with_openapi(DocsPage::openapi())
        .merge(page.into())
        .routes(routes!(pages::root))
        .routes(routes!(pages::openapi))
        .route(pages::START_PATH, get(pages::start))
        .route(pages::SCRIPT_PATH, get(pages::script))
        .route_layer(from_fn(slash::redirect))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;
    use tower::ServiceExt;

    use super::*;
    use crate::config::{Config, HostName};

    #[tokio::test]
    async fn operators_are_answered_by_any_name() {
        let mut config = Config::default();
        config.access.allowed_hosts = vec![HostName::Domain("gateway.example".to_owned())];
        let router = admin(Arc::new(Gateway::new(config).unwrap()));
        for (path, host, expected) in [
            ("/metrics", "prometheus.example", 200),
            ("/stats/", "any", 200),
            ("/stats", "a b", 400),
        ] {
            let request = Request::get(path).header("host", host).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), expected, "{path} {host}");
        }
    }
}
