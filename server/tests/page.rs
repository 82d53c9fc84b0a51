//! The page and its files over HTTP, with the files of a release build and without any.

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use micro_socket::{
    config::Config,
    page::{Assets, bounds, router},
};
use ring::digest::{SHA256, digest};
use tower::ServiceExt;

const WASM: &str = "/pkg/0123abcd/micro-socket_bg.wasm";

fn with_files() -> Router {
    let files: [(&str, &[u8]); 7] = [
        ("0123abcd/micro-socket.js", b"script"),
        ("0123abcd/micro-socket_bg.wasm", b"plain wasm"),
        ("0123abcd/micro-socket_bg.wasm.br", b"br"),
        ("0123abcd/micro-socket_bg.wasm.gz", b"gz"),
        ("0123abcd/micro-socket.css", b"style"),
        ("0123abcd/fonts/text.woff2", b"font"),
        ("stray.js", b"in no revision"),
    ];
    router(Assets::from_files(files), bounds(&Config::default()))
        .expect("the options of Leptos.toml")
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a header of plain text"))
    }
}

async fn ask(
    router: Router,
    method: Method,
    path: &str,
    headers: &[(header::HeaderName, &str)],
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a valid request");
    let Ok(response) = router.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a whole body");
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> Answer {
    ask(with_files(), Method::GET, path, headers).await
}

#[tokio::test]
async fn each_kind_of_file_has_its_type() {
    for (file, content_type, content) in [
        ("micro-socket.js", "text/javascript; charset=utf-8", "script"),
        ("micro-socket_bg.wasm", "application/wasm", "plain wasm"),
        ("micro-socket.css", "text/css; charset=utf-8", "style"),
        ("fonts/text.woff2", "font/woff2", "font"),
    ] {
        let answer = get(&format!("/pkg/0123abcd/{file}"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{file}");
        assert_eq!(answer.header(header::CONTENT_TYPE), Some(content_type), "{file}");
        assert_eq!(
            answer.header(header::CACHE_CONTROL),
            Some("public, max-age=31536000, immutable"),
            "{file}"
        );
        assert_eq!(answer.header(header::CONTENT_ENCODING), None, "{file}");
        assert_eq!(answer.body, content, "{file}");
    }
}

#[tokio::test]
async fn the_smallest_form_that_the_client_takes_is_sent() {
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", Some("br"), "br"),
        ("gzip", Some("gzip"), "gz"),
        ("br;q=0, gzip", Some("gzip"), "gz"),
        ("zstd", None, "plain wasm"),
        ("identity;q=0, zstd", None, "plain wasm"),
    ] {
        let answer = get(WASM, &[(header::ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(answer.header(header::CONTENT_ENCODING), encoding, "{accepted}");
        assert_eq!(
            answer.header(header::CONTENT_LENGTH),
            Some(content.len().to_string().as_str()),
            "{accepted}"
        );
        assert_eq!(answer.header(header::CONTENT_TYPE), Some("application/wasm"), "{accepted}");
        assert_eq!(answer.header(header::VARY), Some("accept-encoding"), "{accepted}");
        assert_eq!(answer.body, content, "{accepted}");
    }
}

#[tokio::test]
async fn a_file_stored_in_one_form_is_sent_in_that() {
    let answer =
        get("/pkg/0123abcd/fonts/text.woff2", &[(header::ACCEPT_ENCODING, "br, gzip")]).await;
    assert_eq!(answer.header(header::CONTENT_ENCODING), None);
    assert_eq!(answer.body, "font");
}

#[tokio::test]
async fn what_the_client_holds_is_not_sent_again() {
    let br = [(header::ACCEPT_ENCODING, "br")];
    let tag = get(WASM, &br).await.header(header::ETAG).unwrap().to_owned();
    for held in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer =
            get(WASM, &[(header::ACCEPT_ENCODING, "br"), (header::IF_NONE_MATCH, &held)]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{held}");
        assert_eq!(answer.header(header::ETAG), Some(tag.as_str()), "{held}");
        assert_eq!(
            answer.header(header::CACHE_CONTROL),
            Some("public, max-age=31536000, immutable"),
            "{held}"
        );
        assert!(answer.body.is_empty(), "{held}");
    }
}

#[tokio::test]
async fn another_form_than_the_one_held_is_sent() {
    let tag = get(WASM, &[(header::ACCEPT_ENCODING, "br")])
        .await
        .header(header::ETAG)
        .unwrap()
        .to_owned();
    let answer =
        get(WASM, &[(header::ACCEPT_ENCODING, "gzip"), (header::IF_NONE_MATCH, &tag)]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, "gz");
}

#[tokio::test]
async fn head_says_what_get_would() {
    let answer = ask(with_files(), Method::HEAD, WASM, &[(header::ACCEPT_ENCODING, "br")]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_LENGTH), Some("2"));
    assert_eq!(answer.header(header::CONTENT_ENCODING), Some("br"));
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    for path in [
        "/pkg/0123abcd/other.js",
        "/pkg/0123abcd/micro-socket_bg.wasm.br",
        "/pkg/0123abcd/../../Cargo.toml",
        "/pkg/0123abcd/",
        "/pkg/ffff/micro-socket.js",
        "/pkg/stray.js",
    ] {
        assert_eq!(get(path, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_page_names_its_files_by_their_revision() {
    let answer = get("/docs", &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-cache"));
    let html = String::from_utf8(answer.body.to_vec()).unwrap();
    for file in ["micro-socket.css", "micro-socket.js", "micro-socket_bg.wasm"] {
        assert!(html.contains(&format!("\"/pkg/0123abcd/{file}\"")), "{file} is missing in {html}");
    }
    assert!(html.contains("</h1>"), "nothing was rendered: {html}");
}

#[tokio::test]
async fn without_files_the_page_is_rendered_all_the_same() {
    let none: [(&str, &[u8]); 0] = [];
    let router: Router = router(Assets::from_files(none), bounds(&Config::default())).unwrap();
    let page = ask(router.clone(), Method::GET, "/docs", &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(String::from_utf8(page.body.to_vec()).unwrap().contains("</h1>"));
    let script = ask(router, Method::GET, "/pkg/micro-socket.js", &[]).await;
    assert_eq!(script.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_page_tells_the_limits_that_are_configured() {
    let mut config = Config::default();
    config.limits.max_subscriptions = 12_345;
    config.limits.max_frame = 3 << 20;
    config.dedup.window = std::time::Duration::from_secs(45);
    let none: [(&str, &[u8]); 0] = [];
    let router: Router = router(Assets::from_files(none), bounds(&config)).unwrap();
    let html =
        String::from_utf8(ask(router, Method::GET, "/docs", &[]).await.body.to_vec()).unwrap();
    for figure in ["12,345 *", "3 MiB *", "for 45 seconds"] {
        assert!(html.contains(figure), "{figure} is missing");
    }
    assert!(!html.contains("64 KiB *"), "a default is told that does not hold");
}

/// The policy lists what the page may run: its own scripts by their hashes, and no script that is
/// injected into the text.
#[tokio::test]
async fn the_policy_names_each_script_of_the_page() {
    let answer = get("/docs", &[]).await;
    let policy = answer.header(header::CONTENT_SECURITY_POLICY).expect("a policy").to_owned();
    let scripts = policy.split("; ").find_map(|part| part.strip_prefix("script-src ")).unwrap();
    assert!(
        !scripts.contains("unsafe-inline")
            && !scripts.contains("'unsafe-eval'")
            && !scripts.contains("nonce"),
        "{scripts}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    let html = String::from_utf8(answer.body.to_vec()).unwrap();
    let inline = html.split("<script").skip(1).filter_map(|script| script.split_once('>'));
    let inline: Vec<_> =
        inline.filter(|(attributes, _)| !attributes.contains("application/json")).collect();
    assert_eq!(inline.len(), 2, "theme and loader");
    for (_, rest) in inline {
        let text = rest.split("</script>").next().unwrap();
        let hash = BASE64.encode(digest(&SHA256, text.as_bytes()));
        assert!(scripts.contains(&format!("'sha256-{hash}'")), "{scripts} does not name {text}");
    }
}

#[tokio::test]
async fn the_page_is_rendered_once_and_asked_for_anew() {
    let router = with_files();
    let br = || (header::ACCEPT_ENCODING, "br, gzip");
    let first = ask(router.clone(), Method::GET, "/docs", &[br()]).await;
    assert_eq!(first.header(header::CONTENT_ENCODING), Some("br"));
    assert_eq!(first.header(header::VARY), Some("accept-encoding"));
    let tag = first.header(header::ETAG).unwrap();
    let held =
        ask(router.clone(), Method::GET, "/docs", &[br(), (header::IF_NONE_MATCH, tag)]).await;
    assert_eq!((held.status, held.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(
        held.header(header::CONTENT_SECURITY_POLICY),
        first.header(header::CONTENT_SECURITY_POLICY)
    );
    // The other forms, and the same page of a gateway with other limits, are different content.
    let gzip = ask(
        router,
        Method::GET,
        "/docs",
        &[(header::ACCEPT_ENCODING, "gzip"), (header::IF_NONE_MATCH, tag)],
    )
    .await;
    assert_eq!(
        (gzip.status, gzip.header(header::CONTENT_ENCODING)),
        (StatusCode::OK, Some("gzip"))
    );
    let mut config = Config::default();
    config.limits.max_subscriptions = 12_345;
    let none: [(&str, &[u8]); 0] = [];
    let other =
        ask(router_of(none, &config), Method::GET, "/docs", &[br(), (header::IF_NONE_MATCH, tag)])
            .await;
    assert_eq!(other.status, StatusCode::OK);
}

fn router_of<'a>(
    files: impl IntoIterator<Item = (&'a str, &'static [u8])>,
    config: &Config,
) -> Router {
    router(Assets::from_files(files), bounds(config)).expect("the options of Leptos.toml")
}
