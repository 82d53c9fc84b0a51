//! The pages for people.

use reqwest::Method;

use crate::gateway::Gateway;

#[tokio::test]
async fn the_root_leads_to_the_docs() {
    let response = Gateway::start(&[]).get("/").await;
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], "/docs");
}

#[tokio::test]
async fn scalar_comes_from_the_gateway_and_may_load_nothing_from_elsewhere() {
    let gateway = Gateway::start(&[]);
    let response = gateway.get("/openapi").await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(
        !policy.contains("http")
            && !policy.contains('*')
            && policy.starts_with("default-src 'none'"),
        "{policy}"
    );
    let page = response.text().await.unwrap();
    let scripts: Vec<&str> =
        page.split("<script src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(scripts.len(), 2, "{page}");
    assert!(!page.contains("://"), "{page}");
    for path in scripts {
        let response = gateway.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn scalars_script_is_packed_and_kept() {
    let gateway = Gateway::start(&[]);
    let page = gateway.get("/openapi").await.text().await.unwrap();
    let path = page.split("<script src=\"").nth(1).unwrap().split('"').next().unwrap();
    let plain = gateway.get(path).await;
    assert!(plain.headers().get("content-encoding").is_none());
    let etag = plain.headers()["etag"].to_str().unwrap().to_owned();
    let script = plain.text().await.unwrap();
    assert!(script.contains("createApiReference"));
    let packed =
        gateway.request(Method::GET, path, &[("accept-encoding", "br;q=1.0, gzip;q=0.8")]).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["vary"], "accept-encoding");
    assert_eq!(packed.headers()["cache-control"], "public, max-age=31536000, immutable");
    assert!(packed.bytes().await.unwrap().len() < script.len() / 2);
    let refused = gateway.request(Method::GET, path, &[("accept-encoding", "gzip;q=0")]).await;
    assert!(refused.headers().get("content-encoding").is_none());
    assert_eq!(gateway.request(Method::GET, path, &[("if-none-match", &etag)]).await.status(), 304);
}

/// The policy lists inline scripts by their hashes: without one of them the page does not work, and
/// a policy that lists more does not protect.
#[tokio::test]
async fn the_policy_names_the_scripts_of_the_page() {
    let gateway = Gateway::start(&[]);
    let response = gateway.get("/docs").await;
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let scripts = policy.split("; ").find_map(|part| part.strip_prefix("script-src ")).unwrap();
    assert!(
        !policy.contains("nonce")
            && !scripts.contains("unsafe-inline")
            && !scripts.contains("'unsafe-eval'"),
        "{policy}"
    );
    assert_eq!(scripts.matches("'sha256-").count(), 2, "{scripts}");
    let page = response.text().await.unwrap();
    assert!(!page.contains("nonce"));
    let origins: Vec<&str> =
        page.split("crossorigin=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(origins.iter().all(|origin| ["", "anonymous"].contains(origin)), "{origins:?}");
}
