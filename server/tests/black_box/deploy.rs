//! `deploy/` and the operating guide name only metrics and configuration keys that exist.

use crate::{gateway::Gateway, nats_server::NatsServer, redis_server::RedisServer};
use micro_socket::config::{Config, Sources};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// Names of metrics in a text, without the endings of a histogram's samples.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named =
        words.filter(|word| word.starts_with("micro_socket_") || word.starts_with("process_"));
    named
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word).to_owned())
        .filter(|word| !word.ends_with('_'))
        .collect()
}

#[tokio::test]
async fn every_metric_that_is_used_exists() {
    let (nats, redis) = (NatsServer::start(), RedisServer::start());
    let gateway = Gateway::start(&[
        ("MICRO_SOCKET_BACKBONE__KIND", "nats"),
        ("MICRO_SOCKET_BACKBONE__URL", &nats.url()),
        ("MICRO_SOCKET_SESSION__KIND", "redis"),
        ("MICRO_SOCKET_REDIS__URL", &redis.url()),
    ]);
    let metrics = gateway.get("/metrics").await.text().await.unwrap();
    let types: BTreeSet<&str> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in [
        "grafana/micro-socket.json",
        "prometheus/alerts.yml",
        "prometheus/alerts.test.yml",
        "../docs/operating.md",
    ] {
        let text = std::fs::read_to_string(root.join("deploy").join(file)).unwrap();
        let used = names(&text);
        assert!(!used.is_empty(), "{file}");
        for name in used {
            assert!(types.contains(name.as_str()), "{name} of {file} is not in\n{metrics}");
        }
    }
}

/// The metrics of a query, each with the labels that it selects by value, such as `code="4290"`.
fn labelled(query: &str) -> Vec<(&str, &str)> {
    let selectors = query
        .match_indices("micro_socket_")
        .filter_map(|(at, _)| query[at..].split_once('}')?.0.split_once('{'));
    let selectors =
        selectors.filter(|(name, _)| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    let labels = selectors
        .flat_map(|(name, labels)| labels.split(',').map(move |label| (name, label.trim())));
    labels.filter(|(_, label)| !label.contains('~') && !label.contains("!=")).collect()
}

#[tokio::test]
async fn every_label_that_is_asked_for_exists() {
    let gateway = Gateway::start(&[]);
    let metrics = gateway.get("/metrics").await.text().await.unwrap();
    let dashboard: Value =
        serde_json::from_str(include_str!("../../../deploy/grafana/micro-socket.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let mut queries: Vec<&str> = panels
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    queries.push(include_str!("../../../deploy/prometheus/alerts.yml"));
    let asked: BTreeSet<_> = queries.into_iter().flat_map(labelled).collect();
    assert!(asked.contains(&("micro_socket_closes_total", "code=\"4290\"")), "{asked:?}");
    for (name, label) in asked {
        let sample = |line: &str| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('{') && rest.contains(label))
        };
        assert!(metrics.lines().any(sample), "{name}{{{label}}} is not in\n{metrics}");
    }
}

#[test]
fn the_dashboard_is_json() {
    let dashboard: Value =
        serde_json::from_str(include_str!("../../../deploy/grafana/micro-socket.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"][0]["expr"].is_string()));
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each has an id of its own");
}

/// `cargo xtask test deploy` also checks the values that the fleet's files set.
#[test]
fn every_variable_that_is_named_is_a_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in [
        "deploy/compose/compose.yaml",
        "deploy/kubernetes/deployment.yaml",
        "deploy/container/Containerfile",
        "deploy/README.md",
        "docs/operating.md",
        "README.md",
    ] {
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        // `MICRO_SOCKET_ACCESS__…` in a text stands for several.
        let named: BTreeSet<&str> = words
            .filter(|word| word.starts_with("MICRO_SOCKET_") && !word.ends_with("__"))
            .collect();
        assert!(!named.is_empty(), "{file}");
        for name in named {
            let environment = vec![(name.into(), "".into())];
            let result = Config::load(&Sources { environment, ..Sources::default() });
            // The empty value may be refused; what matters is that the key is known.
            let problem = result.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!problem.contains("unknown key"), "{file}: {problem}");
        }
    }
}

/// `cargo xtask test alerts` runs these tests; this one only checks that none is missing.
#[test]
fn every_alert_has_a_test_that_it_fires_and_one_that_it_does_not() {
    let alerts = include_str!("../../../deploy/prometheus/alerts.yml");
    let tests = include_str!("../../../deploy/prometheus/alerts.test.yml");
    let guide = include_str!("../../../docs/operating.md");
    let mut names =
        alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).peekable();
    assert!(names.peek().is_some());
    for name in names {
        let expected = |fires: bool| {
            format!("alertname: {name}\n        exp_alerts:{}\n", if fires { "" } else { " []" })
        };
        assert!(tests.contains(&expected(true)), "no test that {name} fires");
        assert!(tests.contains(&expected(false)), "no test that {name} does not fire");
        let short = name.strip_prefix("MicroSocket").unwrap();
        let told = [format!("`{name}`"), format!("`…{short}`")];
        assert!(
            told.iter().any(|told| guide.contains(told)),
            "the operating guide does not say what to do at {name}"
        );
    }
}

#[test]
fn the_unit_binds_low_ports_tells_systemd_and_is_started_again() {
    let unit = include_str!("../../../deploy/systemd/micro-socket.service");
    let values = |key: &str| {
        unit.lines()
            .filter_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("AmbientCapabilities"), ["CAP_NET_BIND_SERVICE"]);
    assert_eq!(values("CapabilityBoundingSet"), ["CAP_NET_BIND_SERVICE"]);
    assert_eq!(values("PrivateUsers"), [""; 0], "capabilities count for nothing with it");
    assert!(
        values("RestrictAddressFamilies")[0].split(' ').any(|family| family == "AF_UNIX"),
        "for sd_notify"
    );
    assert_eq!(
        values("Type"),
        ["notify", "notify-reload"],
        "the second one is unknown before systemd 253"
    );
    assert_eq!((values("Restart"), values("StartLimitIntervalSec")), (vec!["always"], vec!["0"]));
    let timeouts = micro_socket::config::Config::default().timeouts;
    let stop: u64 = values("TimeoutStopSec")[0].parse().unwrap();
    assert!(stop >= (timeouts.unready + timeouts.drain).as_secs() + 5);
}
