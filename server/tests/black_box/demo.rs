//! `GET /demo/publish/{topic}`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

#[tokio::test]
async fn the_answer_is_as_documented() {
    let gateway = Gateway::start(&[]);
    let answer = gateway.json("/demo/publish/prices?bid=100&ask=101").await;
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["ok", "topic", "seqNo", "messageId", "data", "subscribers"]);
    assert_eq!(answer["ok"], true);
    assert_eq!(answer["topic"], "prices");
    assert_eq!(answer["seqNo"], 1);
    assert_eq!(answer["data"], json!({ "bid": "100", "ask": "101" }));
    assert_eq!(answer["subscribers"], 0);
    let again = gateway.json("/demo/publish/prices?bid=100&ask=101").await;
    assert_eq!(again["seqNo"], 2, "the same request is a new message");
    assert_ne!(again["messageId"], answer["messageId"]);
}

#[tokio::test]
async fn parameters_keep_their_order_and_their_text() {
    let gateway = Gateway::start(&[]);
    let cases = [
        ("", "{}"),
        ("?", "{}"),
        ("?z=1&a=2&m=3", r#"{"z":"1","a":"2","m":"3"}"#),
        ("?k=1&x=2&k=3&k=4", r#"{"k":["1","3","4"],"x":"2"}"#),
        ("?k=a+b%20c%2Bd&%C3%BC=%F0%9F%8E%88", r#"{"k":"a b c+d","ü":"🎈"}"#),
        ("?flag&empty=", r#"{"flag":"","empty":""}"#),
        ("?q=%22%0A%5C", r#"{"q":"\"\n\\"}"#),
    ];
    for (query, expected) in cases {
        let body = gateway.get(&format!("/demo/publish/prices{query}")).await.text().await.unwrap();
        assert!(body.contains(&format!("\"data\":{expected},")), "{query}: {body}");
    }
}

#[tokio::test]
async fn the_topic_is_percent_decoded() {
    let gateway = Gateway::start(&[]);
    for (path, topic) in [
        ("a%2Fb", "a/b"),
        ("%C3%BCber%20uns", "über uns"),
        ("a+b", "a+b"),
        ("50%25", "50%"),
        ("a%3Fb%23c", "a?b#c"),
    ] {
        assert_eq!(gateway.json(&format!("/demo/publish/{path}")).await["topic"], topic);
    }
}

#[tokio::test]
async fn an_invalid_topic_is_a_problem() {
    let gateway = Gateway::start(&[]);
    let long = "x".repeat(257);
    for path in ["$sys", "%20prices", "prices%20", "a%0Ab", "%00", "%ff", &long] {
        let response = gateway.get(&format!("/demo/publish/{path}")).await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "INVALID_TOPIC", "{path}");
    }
    assert_eq!(gateway.get(&format!("/demo/publish/{}", "x".repeat(256))).await.status(), 200);
}

#[tokio::test]
async fn it_reaches_the_subscribers() {
    let gateway = Gateway::start(&[]);
    let mut socket = gateway.connect("/ws/sub/prices").await;
    socket.send(r#"{"type":"setup","token":"demo-user"}"#).await;
    while socket.next().await["type"] != "ready" {}
    let answer = gateway.json("/demo/publish/prices?bid=100&ask=101").await;
    assert_eq!(answer["subscribers"], 1);
    let message = socket.next().await;
    assert_eq!(
        message,
        json!({
            "type": "message", "topic": "prices", "seqNo": answer["seqNo"], "messageId": answer["messageId"],
            "data": { "bid": "100", "ask": "101" },
        })
    );
    assert_eq!(
        gateway.counts().await,
        json!({ "connections": 1, "topics": 1, "subscriptions": 1 })
    );
}

#[tokio::test]
async fn pages_of_other_sites_may_not_publish() {
    let gateway = Gateway::start(&[]);
    for (site, status) in
        [("none", 200), ("same-origin", 200), ("same-site", 403), ("cross-site", 403)]
    {
        let response =
            gateway.request(Method::GET, "/demo/publish/prices", &[("sec-fetch-site", site)]).await;
        assert_eq!(response.status(), status, "{site}");
    }
    assert_eq!(
        gateway.json("/demo/publish/prices").await["seqNo"],
        3,
        "a refused request publishes nothing"
    );
}

#[tokio::test]
async fn without_fetch_metadata_origin_and_referer_decide() {
    let gateway = Gateway::start(&[]);
    let own = format!("http://{}", gateway.address);
    let page = format!("{own}/docs?a=b#c");
    for (name, value, status) in [
        ("referer", page.as_str(), 200),
        ("origin", &own, 200),
        ("referer", "http://elsewhere.example/page", 403),
        ("origin", "http://elsewhere.example", 403),
        ("origin", "http://localhost:5173", 403),
        ("origin", "null", 403),
    ] {
        let response = gateway.request(Method::GET, "/demo/publish/prices", &[(name, value)]).await;
        assert_eq!(response.status(), status, "{name}: {value}");
    }
    assert_eq!(
        gateway.json("/demo/publish/prices").await["seqNo"],
        3,
        "a refused request publishes nothing"
    );
}

#[tokio::test]
async fn what_a_browser_loads_ahead_publishes_nothing() {
    let gateway = Gateway::start(&[]);
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
    ] {
        let response = gateway
            .request(
                Method::GET,
                "/demo/publish/prices",
                &[("sec-fetch-site", "none"), (name, value)],
            )
            .await;
        assert_eq!(response.status(), 503, "{name}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{name}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(
            (&problem["status"], &problem["title"], &problem["code"]),
            (&json!(503), &json!("Service Unavailable"), &json!("FORBIDDEN"))
        );
    }
    let published = gateway.get("/demo/publish/prices").await;
    assert_eq!(published.headers()["cache-control"], "no-store");
    assert_eq!(published.json::<Value>().await.unwrap()["seqNo"], 1);
}

#[tokio::test]
async fn a_query_that_is_no_text_is_refused() {
    let gateway = Gateway::start(&[]);
    for query in ["a=%FF", "%C3=1", "a=1&b=%ED%A0%80"] {
        let response = gateway.get(&format!("/demo/publish/prices?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], "INVALID_MESSAGE", "{query}");
    }
    assert_eq!(gateway.json("/demo/publish/prices?a=%zz").await["data"], json!({ "a": "%zz" }));
}

#[tokio::test]
async fn nothing_but_get_publishes() {
    let gateway = Gateway::start(&[]);
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        let response = gateway.request(method.clone(), "/demo/publish/prices", &[]).await;
        assert_eq!(response.status(), 405, "{method}");
        assert!(response.headers()["allow"].to_str().unwrap().starts_with("GET"), "{method}");
    }
    assert_eq!(gateway.json("/demo/publish/prices").await["seqNo"], 1);
}
