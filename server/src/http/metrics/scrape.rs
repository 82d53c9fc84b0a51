//! Everything together, as `/metrics` answers it.

use crate::{
    backbone::Health,
    config::Config,
    gateway::Gateway,
    log,
    metrics::{exposition::Exposition, process},
};

/// The gateway at this moment, in Prometheus's text format. Looks at every connection: for a
/// scraper, not for a loop.
pub(super) fn scrape(gateway: &Gateway) -> String {
    let mut out = Exposition::default();
    let version = env!("CARGO_PKG_VERSION");
    out.family("micro_socket_build_info", "gauge", "Always 1; the version is a label.")
        .sample(&[("version", &version)], 1);
    at_this_moment(gateway, &mut out);
    limits(gateway.config(), &mut out);
    since_the_start(gateway, &mut out);
    process::put(&mut out);
    out.into_text()
}

fn at_this_moment(gateway: &Gateway, out: &mut Exposition) {
    let stats = gateway.stats();
    out.gauge(
        "micro_socket_connections",
        "WebSocket connections, set up or not.",
        stats.connections,
    );
    let http = gateway.admission.http_connections();
    out.gauge(
        "micro_socket_http_connections",
        "Connections that were accepted and are not, or not yet, served as WebSockets.",
        http,
    );
    out.gauge("micro_socket_topics", "Topics with at least one subscriber.", stats.topics);
    out.gauge(
        "micro_socket_topics_known",
        "Topics that are remembered, with a subscriber or without.",
        gateway.core.topics.len(),
    );
    out.gauge(
        "micro_socket_subscriptions",
        "Pairs of a connection and a topic.",
        stats.subscriptions,
    );
    let sessions = gateway.sessions.counts();
    out.gauge(
        "micro_socket_sessions",
        "Sessions, with a connection or without.",
        sessions.sessions,
    );
    out.gauge(
        "micro_socket_sessions_detached",
        "Sessions that wait for their client.",
        sessions.detached,
    );
    out.gauge(
        "micro_socket_history_bytes",
        "Memory that the history of all topics takes.",
        gateway.core.topics.history_bytes(),
    );
    out.gauge(
        "micro_socket_history_largest_owner_bytes",
        "Memory that the history of one owner's topics takes, of the owner that holds most.",
        gateway.core.topics.history_of_one(),
    );
    out.gauge(
        "micro_socket_topic_owners",
        "Users that have brought a known topic into being; the backends are one.",
        gateway.core.topics.owners(),
    );
    out.gauge(
        "micro_socket_dedup_keys",
        "Message ids that are remembered.",
        gateway.core.dedup.len(),
    );
    let oldest = gateway.core.dedup.oldest().as_secs_f64();
    out.gauge(
        "micro_socket_dedup_oldest_key_seconds",
        "Age of the oldest message id that is remembered.",
        oldest,
    );
    out.gauge(
        "micro_socket_send_queue_bytes",
        "Memory of what waits for clients that read slowly.",
        gateway.registry.connections.waiting_bytes(),
    );
    out.gauge(
        "micro_socket_unfinished_bytes",
        "Bytes that clients without a good setup have sent and that are no whole message yet (limits.unfinished_bytes).",
        gateway.registry.unfinished.bytes(),
    );
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        let runtime = runtime.metrics();
        out.gauge(
            "micro_socket_tasks",
            "Tasks that have not ended: one for each connection, and some besides.",
            runtime.num_alive_tasks(),
        );
        out.gauge("micro_socket_workers", "Threads that serve.", runtime.num_workers());
    }
    out.gauge(
        "micro_socket_ready",
        "1 while /readyz answers 200.",
        u8::from(gateway.readiness().is_ok()),
    );
    let mut expiry = out.family(
        "micro_socket_tls_certificate_not_after_timestamp_seconds",
        "gauge",
        "When the first certificate of the chain expires, in seconds since 1970; without TLS there is no value.",
    );
    if let Some(at) = gateway.meter.certificate_expiry() {
        expiry.sample(&[], at);
    }
    let target = gateway.config().slo.delivery_p99.as_secs_f64();
    out.gauge(
        "micro_socket_slo_delivery_p99_seconds",
        "What 99 of 100 deliveries are to reach (slo.delivery_p99).",
        target,
    );
}

/// Those limits that another metric comes near to.
fn limits(config: &Config, out: &mut Exposition) {
    let mut family = out.family(
        "micro_socket_limit",
        "gauge",
        "The most that the configuration allows, by the name of the limit.",
    );
    for (name, limit) in [
        ("max_connections", config.limits.max_connections),
        ("max_topics", config.limits.max_topics),
        ("session_max", config.session.max),
        ("history_total_bytes", config.history.total_bytes),
        ("dedup_max_keys", config.dedup.max_keys),
    ] {
        family.sample(&[("name", &name)], limit);
    }
}

fn since_the_start(gateway: &Gateway, out: &mut Exposition) {
    let meter = &gateway.meter;
    let publishes = [("ok", meter.published.sum()), ("duplicate", meter.duplicates.sum())];
    out.counters(
        "micro_socket_publishes_total",
        "Publishes that were acknowledged, by status.",
        "status",
        publishes,
    );
    out.counter(
        "micro_socket_deliveries_total",
        "Messages handed to sockets, one for each subscriber.",
        meter.delivered.sum(),
    );
    out.counter(
        "micro_socket_replayed_messages_total",
        "Messages handed out again, to clients that catch up.",
        meter.replayed.sum(),
    );
    out.counter(
        "micro_socket_dedup_keys_dropped_total",
        "Message ids that a limit made the gateway forget within dedup.window.",
        gateway.core.dedup.dropped(),
    );
    out.counter(
        "micro_socket_history_given_total",
        "Times that a topic lost its oldest messages because of history.total_bytes.",
        gateway.core.topics.history_given(),
    );
    out.counter(
        "micro_socket_sessions_dropped_total",
        "Sessions without a connection that a limit ended within session.ttl.",
        gateway.sessions.counts().dropped,
    );
    let errors = meter.errors().map(|(code, count)| (code.as_str(), count));
    out.counters(
        "micro_socket_errors_total",
        "Errors that clients were told of over WebSocket, by code.",
        "code",
        errors,
    );
    let failed = meter.failed_reloads().map(|(what, count)| (what.as_str(), count));
    out.counters(
        "micro_socket_reload_failures_total",
        "Files that could not be read again; what was in force stays.",
        "what",
        failed,
    );
    let closes = meter.closes().map(|(code, count)| {
        (code.map_or_else(|| "other".to_owned(), |code| code.number().to_string()), count)
    });
    out.counters(
        "micro_socket_closes_total",
        "WebSocket connections that ended, by close code.",
        "code",
        closes,
    );
    out.counter(
        "micro_socket_log_dropped_lines_total",
        "Lines of the log that were lost: too many waited to be written, or they could not be.",
        log::dropped_lines(),
    );
    out.counters(
        "micro_socket_paused_reads_total",
        "Times that a client was not read for a while, by reason: a topic's backlog, publishes in flight, its frame rate.",
        "reason",
        meter.pauses(),
    );
    backbone(gateway, out);
    redis(gateway, out);
    access(gateway, out);
    http(gateway, out);
    out.histogram(
        "micro_socket_delivery_seconds",
        "From a publish to the sockets of its subscribers, for each delivery.",
        &meter.latency.snapshot().buckets(),
    );
}

/// Without a backbone there is nothing.
fn backbone(gateway: &Gateway, out: &mut Exposition) {
    let Some(figures) = gateway.sequencer.figures() else { return };
    out.gauge(
        "micro_socket_backbone_connected",
        "1 while the backbone takes messages, as was proved within the last second or so.",
        u8::from(gateway.sequencer.health() == Health::Reachable),
    );
    out.counter(
        "micro_socket_backbone_reconnects_total",
        "Connections to the backbone after the first.",
        figures.reconnects,
    );
    out.gauge(
        "micro_socket_backbone_attached_topics",
        "Topics whose messages are received from the backbone.",
        figures.attached,
    );
    out.gauge(
        "micro_socket_backbone_publishes_in_flight",
        "Publishes that wait for the backbone's acknowledgement.",
        figures.in_flight,
    );
    if let Some(publishes) = figures.publishes {
        out.histogram(
            "micro_socket_backbone_publish_seconds",
            "From handing a message to the backbone to its acknowledgement.",
            &publishes.buckets(),
        );
    }
}

/// Without a Redis server there is nothing.
fn redis(gateway: &Gateway, out: &mut Exposition) {
    let Some(redis) = &gateway.redis else { return };
    let figures = redis.figures();
    out.gauge(
        "micro_socket_redis_connected",
        "1 while the Redis server takes writes, as was proved within the last second or so.",
        u8::from(redis.is_reachable()),
    );
    out.counter(
        "micro_socket_redis_reconnects_total",
        "Connections to the Redis server after the first.",
        figures.reconnects,
    );
    out.counter(
        "micro_socket_redis_refused_calls_total",
        "Calls that the Redis server has refused, or that none of its replicas has confirmed.",
        figures.refusals,
    );
    out.gauge(
        "micro_socket_redis_calls_waiting",
        "Calls that wait to be sent to the Redis server.",
        figures.waiting,
    );
    out.histogram(
        "micro_socket_redis_call_seconds",
        "From sending a batch of calls to the Redis server to its answers, for each call.",
        &figures.calls.buckets(),
    );
}

/// Who was let in, and with which keys.
fn access(gateway: &Gateway, out: &mut Exposition) {
    let meter = &gateway.meter;
    out.counter(
        "micro_socket_refused_api_keys_total",
        "Requests that showed a wrong API key.",
        meter.refused_api_keys(),
    );
    out.counter(
        "micro_socket_deferred_setups_total",
        "Setups whose token was checked after all others, since too many of their address were refused (auth.auth_failures_per_ip).",
        meter.deferred_setups(),
    );
    let fetches = ["ok", "failed"].into_iter().zip(meter.key_fetches());
    out.counters(
        "micro_socket_key_set_fetches_total",
        "Fetches of the key set (auth.jwks_url).",
        "status",
        fetches,
    );
    if let Some(seconds) = meter.keys_fetched_at() {
        out.gauge(
            "micro_socket_key_set_fetched_timestamp_seconds",
            "When the key set was last fetched, since 1970.",
            seconds,
        );
    }
}

fn http(gateway: &Gateway, out: &mut Exposition) {
    let meter = &gateway.meter;
    let refusals = gateway.admission.refusals().map(|(refusal, count)| (refusal.as_str(), count));
    out.counters(
        "micro_socket_refused_connections_total",
        "Connections that were refused or closed for others, by reason.",
        "reason",
        refusals,
    );
    out.counter(
        "micro_socket_failed_accepts_total",
        "Times that no connection could be accepted.",
        meter.failed_accepts.sum(),
    );
    let mut requests = out.family(
        "micro_socket_http_requests_total",
        "counter",
        "HTTP requests that were answered, by route and status.",
    );
    for (route, by_status) in meter.requests() {
        for (status, count) in by_status {
            requests.sample(&[("route", &route), ("status", &status)], count);
        }
    }
}
