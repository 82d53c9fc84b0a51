//! How documents and answers are sent: compressed if the client accepts it, with one entity tag per
//! form, and not at all if the client already has the content.

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use tokio::io::AsyncReadExt;

use crate::gateway::Gateway;
use crate::raw::Raw;

/// The paths whose content does not change while the gateway runs. The last one is known once
/// `/openapi` names it.
async fn standing(gateway: &Gateway) -> Vec<String> {
    let page = gateway.get("/openapi").await.text().await.unwrap();
    let script = page.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
    ["/docs", "/openapi", "/openapi.json", "/openapi/start.js", script].map(str::to_owned).into()
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn ask(gateway: &Gateway, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let response = gateway.request(method, path, headers).await;
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().into() }
}

async fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(gateway, Method::GET, path, headers).await
}

#[tokio::test]
async fn each_form_has_a_tag_by_which_it_is_not_sent_again() {
    let gateway = Gateway::start(&[]);
    for path in standing(&gateway).await {
        let mut tags = Vec::new();
        for accepted in ["br", "gzip", "identity"] {
            let asked = [("accept-encoding", accepted)];
            let first = get(&gateway, &path, &asked).await;
            assert_eq!(first.status, 200, "{path}");
            let tag = first.header("etag").unwrap().to_owned();
            assert_eq!(
                get(&gateway, &path, &asked).await.header("etag"),
                Some(tag.as_str()),
                "{path} is another one each time"
            );
            for held in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
                let again = get(&gateway, &path, &[asked[0], ("if-none-match", &held)]).await;
                assert_eq!((again.status.as_u16(), again.body.len()), (304, 0), "{path} {held}");
                for name in ["etag", "vary", "cache-control", "content-security-policy"] {
                    assert_eq!(again.header(name), first.header(name), "{path} {name}");
                }
            }
            assert_eq!(
                get(&gateway, &path, &[asked[0], ("if-none-match", "\"other\"")]).await.status,
                200
            );
            tags.push(tag);
        }
        tags.dedup();
        // Scalar's script is stored in two forms.
        assert!(
            tags.len() >= if path.starts_with("/openapi/scalar") { 1 } else { 3 },
            "{path}: {tags:?}"
        );
    }
}

#[tokio::test]
async fn the_smallest_form_that_the_client_takes_is_sent() {
    let gateway = Gateway::start(&[]);
    for path in ["/docs", "/openapi.json"] {
        let plain = get(&gateway, path, &[]).await;
        assert_eq!(plain.header("content-encoding"), None);
        for (accepted, encoding) in
            [("gzip, deflate, br, zstd", "br"), ("gzip", "gzip"), ("br;q=0, *", "gzip")]
        {
            let packed = get(&gateway, path, &[("accept-encoding", accepted)]).await;
            assert_eq!(packed.header("content-encoding"), Some(encoding), "{path} {accepted}");
            assert_eq!(packed.header("vary"), Some("accept-encoding"));
            assert_eq!(
                packed.header("content-length"),
                Some(packed.body.len().to_string().as_str())
            );
            assert!(
                packed.body.len() * 3 < plain.body.len(),
                "{path}: {} bytes of {}",
                packed.body.len(),
                plain.body.len()
            );
        }
    }
}

#[tokio::test]
async fn what_is_made_anew_is_compressed_on_the_way() {
    let gateway = Gateway::start(&[]);
    for path in ["/asyncapi.json", "/stats", "/metrics"] {
        let plain = get(&gateway, path, &[]).await;
        assert_eq!(plain.header("content-encoding"), None, "{path}");
        assert_eq!(plain.header("vary"), Some("accept-encoding"), "{path}");
        let packed = get(&gateway, path, &[("accept-encoding", "gzip, br")]).await;
        assert_eq!(packed.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(packed.header("vary"), Some("accept-encoding"), "{path}");
        assert!(packed.body.len() < plain.body.len(), "{path}");
    }
    let small = get(&gateway, "/healthz", &[("accept-encoding", "gzip")]).await;
    assert_eq!((small.header("content-encoding"), small.header("vary")), (None, None));
}

#[tokio::test]
async fn head_says_what_get_would() {
    let gateway = Gateway::start(&[]);
    let mut paths = standing(&gateway).await;
    paths.extend(
        ["/asyncapi.json", "/stats", "/metrics", "/healthz", "/.well-known/micro-socket-keys"]
            .map(str::to_owned),
    );
    for path in paths {
        for accepted in ["br", "gzip", "identity"] {
            let asked = [("accept-encoding", accepted)];
            let (get, head) = (
                get(&gateway, &path, &asked).await,
                ask(&gateway, Method::HEAD, &path, &asked).await,
            );
            assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
            for name in [
                "content-type",
                "content-encoding",
                "content-length",
                "vary",
                "etag",
                "cache-control",
                "access-control-allow-origin",
            ] {
                // The numbers in them change between the two requests.
                if name != "content-length" || !["/stats", "/metrics"].contains(&path.as_str()) {
                    assert_eq!(head.header(name), get.header(name), "{path} {accepted} {name}");
                }
            }
        }
    }
}

#[tokio::test]
async fn what_is_of_the_moment_is_not_kept() {
    let gateway = Gateway::start(&[]);
    for path in [
        "/stats",
        "/metrics",
        "/healthz",
        "/readyz",
        "/nothing",
        "/ws",
        "/demo/publish/t",
        "/demo/publish/$t",
    ] {
        assert_eq!(
            get(&gateway, path, &[]).await.header("cache-control"),
            Some("no-store"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_page_may_read_the_descriptions() {
    let gateway = Gateway::start(&[]);
    for path in ["/openapi.json", "/asyncapi.json", "/.well-known/micro-socket-keys"] {
        let origin = ("origin", "https://editor.example");
        let answer = get(&gateway, path, &[origin]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            (200, Some("*")),
            "{path}"
        );
        let question = [
            origin,
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "x-anything"),
        ];
        let answer = ask(&gateway, Method::OPTIONS, path, &question).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert!(answer.header("access-control-allow-methods").unwrap().contains("GET"), "{path}");
        assert!(
            matches!(answer.header("access-control-allow-headers"), Some("*" | "x-anything")),
            "{path}"
        );
    }
    for path in ["/stats", "/docs", "/demo/publish/t"] {
        assert_eq!(
            get(&gateway, path, &[("origin", "https://editor.example")])
                .await
                .header("access-control-allow-origin"),
            None,
            "{path}"
        );
    }
}

#[tokio::test]
async fn clients_that_do_not_read_share_one_copy() {
    const CLIENTS: usize = 60;
    let gateway = Gateway::start(&[]);
    let script = standing(&gateway).await.pop().unwrap();
    let size = get(&gateway, &script, &[]).await.body.len();
    let before = gateway.memory();
    let mut unread = Vec::new();
    for _ in 0..CLIENTS {
        let mut raw = Raw::tcp(&gateway).await;
        raw.send(format!("GET {script} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await;
        // The first byte proves that the gateway is producing the answer.
        raw.stream.read_u8().await.unwrap();
        unread.push(raw);
    }
    let grown = gateway.memory().saturating_sub(before);
    assert!(grown < 4 * size, "{CLIENTS} clients that do not read {size} bytes take {grown}");
}
