//! The pages for people: the redirect to `/docs`, and `/openapi`, where Scalar shows the OpenAPI
//! document.
//!
//! Scalar comes with the binary and is kept from the network by a content security policy: whatever
//! its script would load from elsewhere (fonts, a proxy, telemetry) the browser refuses.

use std::io::Read;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Redirect, Response};
use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::page::{Asset, Document, Encoding, FOREVER, REVALIDATED};

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Scalar's script, compressed when the gateway was built.
static SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/scalar.js.gz"));

static PACKED: LazyLock<Asset> =
    LazyLock::new(|| scalar().with_form(Encoding::Gzip, Bytes::from_static(SCRIPT), REVISION));
static PLAIN: LazyLock<Document> = LazyLock::new(|| {
    Document::new(|| scalar().with_form(Encoding::Identity, unpacked(), REVISION))
});

const REVISION: &str = env!("SCALAR_REVISION");

fn scalar() -> Asset {
    Asset::new(JAVASCRIPT, FOREVER)
}

/// Changes with the script, so that browsers may keep it for good.
macro_rules! script_path {
    () => {
        concat!("/openapi/scalar-", env!("SCALAR_REVISION"), ".js")
    };
}

/// Where the page finds the script.
pub(super) const SCRIPT_PATH: &str = script_path!();
/// Where the page finds what starts it.
pub(super) const START_PATH: &str = "/openapi/start.js";

const PAGE: &str = concat!(
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Micro Socket: HTTP API</title>\n",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
    "<link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n<div id=\"app\"></div>\n",
    "<noscript>This page needs JavaScript; <a href=\"/openapi.json\">the document itself</a> does not.</noscript>\n",
    "<script src=\"",
    script_path!(),
    "\"></script>\n<script src=\"/openapi/start.js\"></script>\n</body>\n</html>\n"
);

const START: &str = r##"Scalar.createApiReference("#app", {
  url: "/openapi.json",
  baseServerURL: location.origin,
  defaultOpenAllTags: true,
  withDefaultFonts: false,
  telemetry: false,
  showDeveloperTools: "never",
  hideClientButton: true,
  agent: { disabled: true },
  mcp: { disabled: true },
});
"##;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
     connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// To the documentation
///
/// Exists if `http.docs` is true.
#[utoipa::path(get, path = "/", operation_id = "root", tag = "Documentation",
    responses((status = 307, description = "To `/docs`", headers(("location" = String, description = "`/docs`")))))]
pub(super) async fn root() -> Redirect {
    Redirect::temporary("/docs")
}

/// The documentation with the playground
///
/// Exists if `http.docs` is true.
#[utoipa::path(get, path = "/docs", operation_id = "docs", tag = "Documentation", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
#[expect(
    dead_code,
    reason = "stands for the page in the OpenAPI document; the page's own router answers"
)]
pub(super) fn docs() {}

/// This reference (Scalar)
///
/// Exists if `http.docs` is true.
#[utoipa::path(get, path = "/openapi", operation_id = "openapi_page", tag = "Documentation", responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(super) async fn openapi(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        let page = || {
            Asset::new("text/html; charset=utf-8", REVALIDATED)
                .with_header(header::CONTENT_SECURITY_POLICY, POLICY)
        };
        Document::new(move || page().in_every_form(PAGE.into()))
    });
    DOCUMENT.respond(&headers).await
}

/// What starts Scalar: a file of its own, because the policy takes no script in the page.
pub(super) async fn start(headers: HeaderMap) -> Response {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
        Document::new(|| Asset::new(JAVASCRIPT, REVALIDATED).in_every_form(START.into()))
    });
    DOCUMENT.respond(&headers).await
}

/// Scalar's script as it is stored; unpacked, in one copy for all, for clients that do not take
/// gzip.
pub(super) async fn script(headers: HeaderMap) -> Response {
    if Encoding::Gzip.accepted_by(&headers) {
        PACKED.respond(&headers)
    } else {
        PLAIN.respond(&headers).await
    }
}

fn unpacked() -> Bytes {
    let mut plain = Vec::new();
    match GzDecoder::new(SCRIPT).read_to_end(&mut plain) {
        Ok(_) => plain.into(),
        // The build has packed it.
        Err(_) => Bytes::new(),
    }
}
