//! The command line and the configuration, through the real binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn micro_socket() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_micro-socket"));
    command.env_clear();
    command
}

/// A folder with one file `gateway.toml`.
struct File(TempDir);

impl File {
    fn new(content: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gateway.toml"), content).unwrap();
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("gateway.toml")
    }

    /// Runs `check` in its folder, so that errors name the file as it was given.
    fn check(&self, environment: &[(&str, &str)]) -> Output {
        micro_socket()
            .current_dir(self.0.path())
            .args(["check", "--config", "gateway.toml"])
            .envs(environment.iter().copied())
            .output()
            .unwrap()
    }

    fn refusal(&self, environment: &[(&str, &str)]) -> String {
        let output = self.check(environment);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
    }

    fn effective(&self, environment: &[(&str, &str)]) -> String {
        let output = self.check(environment);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Starts `serve` with these arguments on a free port and returns the two lines that it prints.
fn announced(arguments: &[&str], environment: &[(&str, &str)], folder: &Path) -> [String; 2] {
    let mut child = micro_socket()
        .current_dir(folder)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let both = [(); 2].map(|()| lines.next().unwrap().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    both
}

fn port(line: &str) -> u16 {
    let address = line.strip_prefix("Micro Socket listens on http://").unwrap();
    address.parse::<SocketAddr>().unwrap().port()
}

/// A port that is free at this moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_empty_file_gives_the_defaults() {
    let text = File::new("").effective(&[]);
    assert_eq!(
        text,
        String::from_utf8(micro_socket().arg("check").output().unwrap().stdout).unwrap()
    );
    for line in [
        "listen = [\"127.0.0.1:3000\", \"[::1]:3000\"]",
        "mode = \"demo\"",
        "max_frame = \"64KiB\"",
        "window = \"2m\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn what_check_prints_is_a_file_that_means_the_same() {
    let file = File::new(
        "listen = \"[::1]:9\"\naccess.allowed_origins = [\"https://App.example:443\"]\n\
         [limits]\nmax_frame = 1500\nsend_queue = \"2MiB\"\n[timeouts]\nping = \"1500ms\"\n[log]\nlevel = \"info,micro_socket=debug\"\n",
    );
    let text = file.effective(&[]);
    assert!(text.contains("allowed_origins = [\"https://app.example\"]\n"), "{text}");
    assert!(text.contains("max_frame = \"1500B\"\n"), "{text}");
    assert_eq!(File::new(&text).effective(&[]), text);
}

#[test]
fn the_environment_goes_over_the_file_and_the_file_over_the_default() {
    let file = File::new("[limits]\nmax_frame = \"2KiB\"\nmax_topics = 7\n");
    let text = file.effective(&[("MICRO_SOCKET_LIMITS__MAX_FRAME", "3KiB"), ("OTHER", "x")]);
    for line in ["max_frame = \"3KiB\"", "max_topics = 7", "max_subscriptions = 1000"] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn the_command_line_goes_over_all() {
    let (in_file, in_environment, on_line) = (free_port(), free_port(), free_port());
    let file = File::new(&format!("listen = \"127.0.0.1:{in_file}\"\n"));
    let config = file.path().display().to_string();
    let variable = format!("127.0.0.1:{in_environment}");
    let flag = format!("127.0.0.1:{on_line}");
    let environment = [("MICRO_SOCKET_LISTEN", variable.as_str())];
    let folder = file.0.path();
    let serve = |arguments: &[&str], environment: &[(&str, &str)]| {
        port(&announced(arguments, environment, folder)[0])
    };
    assert_eq!(serve(&["--config", &config], &[]), in_file);
    assert_eq!(serve(&["--config", &config], &environment), in_environment);
    assert_eq!(serve(&["serve", "--config", &config, "--listen", &flag], &environment), on_line);
}

#[test]
fn every_value_can_come_from_the_environment() {
    let text = File::new("").effective(&[
        ("MICRO_SOCKET_LISTEN", "0.0.0.0:80"),
        ("MICRO_SOCKET_ACCESS__ALLOWED_ORIGINS", "https://a.example, https://b.example"),
        ("MICRO_SOCKET_LIMITS__MAX_CONNECTIONS", "5"),
        ("MICRO_SOCKET_LIMITS__SEND_QUEUE", "131072"),
        ("MICRO_SOCKET_TIMEOUTS__SETUP", "500ms"),
        ("MICRO_SOCKET_HTTP__DEMO", "false"),
        ("MICRO_SOCKET_LOG__FORMAT", "json"),
    ]);
    for line in [
        "listen = [\"0.0.0.0:80\"]",
        "allowed_origins = [\"https://a.example\", \"https://b.example\"]",
        "max_connections = 5",
        "send_queue = \"128KiB\"",
        "setup = \"500ms\"",
        "demo = false",
        "format = \"json\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
}

#[test]
fn what_kubernetes_sets_beside_services_whose_names_begin_so_is_left_alone() {
    File::new("").effective(&[
        ("MICRO_SOCKET_PORT", "tcp://10.0.0.1:3000"),
        ("MICRO_SOCKET_PORT_3000_TCP_ADDR", "10.0.0.1"),
        ("MICRO_SOCKET_SERVICE_HOST", "10.0.0.1"),
        ("MICRO_SOCKET_SERVICE_PORT_HTTP", "3000"),
        ("MICRO_SOCKET_METRICS_SERVICE_HOST", "10.0.0.2"),
        ("MICRO_SOCKET_METRICS_SERVICE_PORT_HTTP", "443"),
        ("MICRO_SOCKET_METRICS_PORT", "tcp://10.0.0.2:443"),
        ("MICRO_SOCKET_METRICS_PORT_443_TCP", "tcp://10.0.0.2:443"),
        ("MICRO_SOCKET_METRICS_PORT_443_TCP_PROTO", "tcp"),
        ("MICRO_SOCKET_METRICS_PORT_443_TCP_PORT", "443"),
        ("MICRO_SOCKET_METRICS_PORT_443_TCP_ADDR", "10.0.0.2"),
    ]);
    for (name, value) in
        [("MICRO_SOCKET_PORT", "8080"), ("MICRO_SOCKET_METRICS__PORT", "tcp://10.0.0.2:443")]
    {
        let refusal = File::new("").refusal(&[(name, value)]);
        assert!(refusal.starts_with(&format!("{name}: unknown key ")), "{refusal}");
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_named_and_its_value_is_not_shown() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
    let broken = OsStr::from_bytes(b"hunter2\xFF");
    let output = micro_socket()
        .arg("check")
        .env("MICRO_SOCKET_AUTH__JWT_SECRET", broken)
        .env("OTHER", broken)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let reason = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        reason.trim_end(),
        "MICRO_SOCKET_AUTH__JWT_SECRET: is not UTF-8, in its name or in its value"
    );
    let name = OsStr::from_bytes(b"MICRO_SOCKET_LI\xFFSTEN");
    let output = micro_socket().arg("check").env(name, "127.0.0.1:1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .starts_with("MICRO_SOCKET_LI\u{fffd}STEN: is not UTF-8")
    );
}

#[test]
fn zero_needs_no_unit_and_reads_back() {
    let file = File::new(
        "session.ttl = 0\n[timeouts]\ndrain = 0\n[history]\nage = 0\nbytes = 0\ntopics = [{ pattern = \"a\", age = 0 }]\n",
    );
    let text = file.effective(&[
        ("MICRO_SOCKET_TIMEOUTS__UNREADY", "0"),
        ("MICRO_SOCKET_LIMITS__REPLAY_BYTES", "0"),
    ]);
    for line in [
        "ttl = \"0s\"",
        "drain = \"0s\"",
        "unready = \"0s\"",
        "age = \"0s\"",
        "bytes = \"0\"",
        "replay_bytes = \"0\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert_eq!(File::new(&text).effective(&[]), text);
    assert!(
        File::new("timeouts.ping = 0")
            .refusal(&[])
            .starts_with("gateway.toml:1: timeouts.ping: found 0; allowed: a duration from 10ms")
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_any_file() {
    const MARK: &str = "\u{feff}";
    let text = File::new(&format!("{MARK}limits.max_topics = 7\n")).effective(&[]);
    assert!(text.contains("max_topics = 7\n"), "{text}");
    let keys = format!("{}/tests/keys", env!("CARGO_MANIFEST_DIR"));
    let [public_key, signing_key] =
        ["rsa.pub.pem", "ed.pem"].map(|name| fs::read_to_string(format!("{keys}/{name}")).unwrap());
    for (name, content) in [
        ("AUTH__JWT_SECRET_FILE", SECRET),
        ("AUTH__JWT_PUBLIC_KEY_FILE", &public_key),
        ("HTTP__API_KEYS_FILE", "0123456789abcdef"),
        ("SIGNING__KEY_FILE", &signing_key),
    ] {
        let (_folder, path) = folder_with("file", &format!("{MARK}{content}"));
        let variable = format!("MICRO_SOCKET_{name}");
        let mode = if name.starts_with("AUTH") { "jwt" } else { "demo" };
        let environment = [(variable.as_str(), path.as_str()), ("MICRO_SOCKET_AUTH__MODE", mode)];
        File::new("").effective(&environment);
        let utf_16: Vec<u8> =
            format!("{MARK}{content}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(&path, utf_16).unwrap();
        let refusal = File::new("").refusal(&environment);
        assert!(
            refusal.contains("cannot be read: it is UTF-16: save it as UTF-8"),
            "{name}: {refusal}"
        );
    }
}

#[test]
fn a_wrong_value_is_refused_with_place_key_found_and_allowed() {
    const SIZE: &str = "written \"64KiB\", \"1MiB\" or as a number of bytes";
    const PERIOD: &str = "written \"500ms\", \"10s\", \"2m\" or \"1h\"";
    let cases = [
        ("listen = 3000", "listen: found 3000; allowed: an IP address with a port, such as \"127.0.0.1:3000\", \"0.0.0.0:3000\" or \"[::]:3000\", a Unix socket, such as \"unix:/run/micro-socket.sock\", or a list of them (in a variable separated by commas)".to_owned()),
        ("limits.max_frame = \"64MB\"", format!("limits.max_frame: found \"64MB\"; allowed: a size from 1KiB to 16MiB, {SIZE}")),
        ("limits.max_frame = 1023", format!("limits.max_frame: found 1023; allowed: a size from 1KiB to 16MiB, {SIZE}")),
        ("limits.max_frame = \"17MiB\"", format!("limits.max_frame: found \"17MiB\"; allowed: a size from 1KiB to 16MiB, {SIZE}")),
        ("limits.max_topics = -1", "limits.max_topics: found -1; allowed: a whole number from 1 to 100000000".to_owned()),
        ("limits.max_topics = 1.5", "limits.max_topics: found 1.5; allowed: a whole number from 1 to 100000000".to_owned()),
        ("limits.max_topics = \"9\"", "limits.max_topics: found \"9\"; allowed: a whole number from 1 to 100000000".to_owned()),
        ("timeouts.ping = \"0s\"", format!("timeouts.ping: found \"0s\"; allowed: a duration from 10ms to 1h, {PERIOD}")),
        ("timeouts.ping = 25", format!("timeouts.ping: found 25; allowed: a duration from 10ms to 1h, {PERIOD}")),
        ("auth.mode = \"oauth\"", "auth.mode: found \"oauth\"; allowed: \"demo\" or \"jwt\"".to_owned()),
        ("http.demo = \"yes\"", "http.demo: found \"yes\"; allowed: true, false or \"auto\"".to_owned()),
        ("log.format = \"xml\"", "log.format: found \"xml\"; allowed: \"text\" or \"json\"".to_owned()),
        ("log.level = \"inof\"", "log.level: found \"inof\"; allowed: \"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\", and for single modules \"info,micro_socket::hub=debug\"".to_owned()),
        ("access.allowed_origins = \"https://a.example\"", "access.allowed_origins: found \"https://a.example\"; allowed: a list of origins, scheme and host without a path, such as [\"https://app.example.com\"], or [\"*\"] for any (in a variable separated by commas)".to_owned()),
        ("limits = 3", "limits: found 3; allowed: a section, begun by a line [limits]".to_owned()),
        ("[limits.max_frame]\nx = 1", format!("limits.max_frame: found a section; allowed: a size from 1KiB to 16MiB, {SIZE}")),
    ];
    for (line, expected) in cases {
        assert_eq!(File::new(line).refusal(&[]), format!("gateway.toml:1: {expected}"));
    }
}

#[test]
fn an_unknown_key_is_refused_with_what_there_is() {
    let limits = "the keys of [limits] are max_connections, ";
    let top = "at the top is listen; the sections are runtime, auth, access, limits, ";
    let cases = [
        (
            "\n[limits]\nmax_frames = 1",
            format!(
                "gateway.toml:3: unknown key limits.max_frames, did you mean limits.max_frame?; {limits}"
            ),
        ),
        (
            "[limits]\n\n\nwishes = 0",
            format!("gateway.toml:4: unknown key limits.wishes; {limits}"),
        ),
        (
            "max_frame = 1",
            format!("gateway.toml:1: unknown key max_frame, did you mean limits.max_frame?; {top}"),
        ),
        ("[gossip]\nfile = \"x\"", format!("gateway.toml:1: unknown key gossip; {top}")),
        (
            "[auth]\nwatchword = \"hunter2\"",
            "gateway.toml:2: unknown key auth.watchword; the keys of [auth] are mode".to_owned(),
        ),
    ];
    for (content, expected) in cases {
        let refusal = File::new(content).refusal(&[]);
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
}

#[test]
fn the_environment_is_held_to_the_same() {
    let refusal = |name, value| File::new("").refusal(&[(name, value)]);
    assert_eq!(
        refusal("MICRO_SOCKET_TIMEOUTS__SETUP", "10"),
        "MICRO_SOCKET_TIMEOUTS__SETUP: timeouts.setup: found \"10\"; allowed: a duration from 10ms to 1h, written \"500ms\", \"10s\", \"2m\" or \"1h\""
    );
    let unknown = refusal("MICRO_SOCKET_LIMITS_MAX_FRAME", "1KiB");
    assert!(
        unknown.starts_with("MICRO_SOCKET_LIMITS_MAX_FRAME: unknown key limits_max_frame, did you mean MICRO_SOCKET_LIMITS__MAX_FRAME?; "),
        "{unknown}"
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let file = File::new("listen = 1\nbogus = 2\n[limits]\nmax_topics = 0\n");
    let refusal = file.refusal(&[("MICRO_SOCKET_HTTP__DOCS", "maybe")]);
    let places: Vec<_> = refusal.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        places,
        ["gateway.toml:1", "gateway.toml:2", "gateway.toml:4", "MICRO_SOCKET_HTTP__DOCS"]
    );
}

#[test]
fn a_queue_smaller_than_a_frame_is_refused() {
    let refusal = File::new("[limits]\nsend_queue = \"32KiB\"\n").refusal(&[]);
    assert_eq!(
        refusal,
        "gateway.toml:2: limits.send_queue: found 32KiB; allowed: at least limits.max_frame, which is 64KiB (default)"
    );
    let refusal = File::new("").refusal(&[("MICRO_SOCKET_LIMITS__MAX_FRAME", "2MiB")]);
    assert_eq!(
        refusal,
        "default: limits.send_queue: found 1MiB; allowed: at least limits.max_frame, which is 2MiB (MICRO_SOCKET_LIMITS__MAX_FRAME)"
    );
}

#[test]
fn a_backbone_that_does_not_exist_yet_is_refused() {
    let refusal = File::new("backbone.kind = \"pulsar\"").refusal(&[]);
    assert_eq!(
        refusal.trim_end(),
        "gateway.toml:1: backbone.kind: found \"pulsar\"; allowed: \"memory\" or \"nats\" or \"kafka\""
    );
}

#[test]
fn redis_is_refused_where_it_has_nothing_to_do_and_needed_for_shards() {
    let refusal = File::new("dedup.kind = \"redis\"").refusal(&[]);
    assert_eq!(
        refusal.trim_end(),
        "gateway.toml:1: dedup.kind: found \"redis\"; with backbone.kind = \"memory\" this process numbers its topics itself \
         and remembers their message ids exactly, so only \"backbone\" is possible"
    );
    let shards = "[backbone]\nkind = \"nats\"\nshards = 2\n";
    let refusal = File::new(shards).refusal(&[]);
    assert_eq!(
        refusal.trim_end(),
        "gateway.toml:3: backbone.shards: found 2; allowed: 1, or \"redis\" as dedup.kind, which is \"backbone\" (default)"
    );
    let text = File::new(&format!("{shards}[dedup]\nkind = \"redis\"\n")).effective(&[]);
    assert!(text.contains("\nshards = 2\n"), "{text}");
    // Sessions may be there in any case.
    File::new("session.kind = \"redis\"").effective(&[]);
}

#[test]
fn the_address_of_redis_is_given_once_and_its_password_is_not_shown() {
    let secret = "rediss://ann:hunter2@10.0.0.1:6380/1";
    let text =
        File::new("session.kind = \"redis\"").effective(&[("MICRO_SOCKET_REDIS__URL", secret)]);
    assert!(
        text.contains(
            "url = \"rediss://10.0.0.1:6380/1\" # what may be secret in it is not shown\n"
        ) && !text.contains("hunter2"),
        "{text}"
    );
    for (file, expected) in [
        (
            "redis.url = \"http://ann:hunter2@a\"",
            "redis.url: found something that is not shown; allowed: an address that begins with redis://",
        ),
        (
            "[redis]\nurl = \"redis://ann:hunter2@a\"\nurl_file = \"/run/secrets/redis\"",
            "redis.url: found an address, and redis.url_file; only one of them can be given",
        ),
    ] {
        let refusal = File::new(file).refusal(&[]);
        assert!(refusal.contains(expected) && !refusal.contains("hunter2"), "{refusal}");
    }
}

#[test]
fn the_servers_have_to_be_those_of_the_backbone() {
    let text =
        File::new("session.kind = \"redis\"\nbackbone.kind = \"kafka\"\nbackbone.url = \"a.example:9092, b.example:9092\"")
            .effective(&[]);
    let line = "url = \"a.example:9092,b.example:9092\"";
    assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    for (file, expected) in [
        (
            "backbone.kind = \"kafka\"\n",
            "default: backbone.url: found an address that begins with nats:// or tls://; Kafka's brokers are given as host:port",
        ),
        (
            "backbone.kind = \"kafka\"\nbackbone.url = \"tls://a.example:9093\"\n",
            "gateway.toml:2: backbone.url: found an address that begins with nats:// or tls://; Kafka's brokers are given as \
             host:port, such as \"10.0.0.1:9092\"; this build speaks to them without TLS",
        ),
        (
            "backbone.kind = \"nats\"\nbackbone.url = \"a.example:9092\"\n",
            "gateway.toml:2: backbone.url: found host:port; addresses of NATS begin with",
        ),
        (
            "backbone.kind = \"kafka\"\nbackbone.url = \"a:9092\"\nbackbone.credentials_file = \"a\"\n",
            "gateway.toml:3: backbone.credentials_file: found a file; it is for NATS",
        ),
        (
            "backbone.kind = \"kafka\"\nbackbone.url = \"a:9092\"\nbackbone.shards = 2\n",
            "gateway.toml:3: backbone.shards: found 2",
        ),
        (
            "backbone.kind = \"kafka\"\nbackbone.url = \"a:9092\"\n",
            "default: session.kind: found \"backbone\"; Kafka keeps no sessions",
        ),
    ] {
        let refusal = File::new(file).refusal(&[]);
        assert!(refusal.contains(expected), "{refusal}");
    }
}

#[test]
fn a_backbone_is_checked_without_being_reached_and_its_password_is_not_shown() {
    let text = File::new("backbone.kind = \"nats\"")
        .effective(&[("MICRO_SOCKET_BACKBONE__URL", "nats://ann:hunter2@10.0.0.1:4222")]);
    assert!(
        text.contains("url = \"nats://10.0.0.1:4222\" # what may be secret in it is not shown\n")
            && !text.contains("hunter2"),
        "{text}"
    );
    for line in ["kind = \"nats\"", "name = \"micro-socket\"", "shards = 1", "replicas = 1"] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    for (line, allowed) in [
        (
            "backbone.url = \"http://ann:hunter2@a\"",
            "one address or several, separated by commas: of NATS, that begin with nats:// or tls://",
        ),
        ("backbone.name = \"a.b\"", "1 to 64 letters, digits, - and _"),
        ("backbone.replicas = 0", "a whole number from 1 to 5"),
    ] {
        let refusal = File::new(line).refusal(&[]);
        assert!(refusal.contains(allowed) && !refusal.contains("hunter2"), "{refusal}");
    }
}

#[test]
fn a_history_that_the_log_does_not_keep_is_refused() {
    let file =
        "history.meta_ttl = \"30m\"\nhistory.topics = [{ pattern = \"a\", age = \"45m\" }]\n";
    File::new(file).effective(&[]);
    assert_eq!(
        File::new(&format!("{file}backbone.kind = \"nats\"\n")).refusal(&[]),
        "gateway.toml:2: history.topics: found age = 45m; allowed: with a backbone at most the longest of history.age, \
         dedup.window and history.meta_ttl, here history.meta_ttl, which is 30m (gateway.toml:1)"
    );
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_refused() {
    let refusal = File::new("a = 1\nlimits = [\n").refusal(&[]);
    assert!(
        refusal.starts_with("gateway.toml:2: not TOML: ")
            || refusal.starts_with("gateway.toml:3: not TOML: "),
        "{refusal}"
    );
    let twice = File::new("[limits]\nmax_topics = 1\nmax_topics = 2\n").refusal(&[]);
    assert!(twice.starts_with("gateway.toml:3: not TOML: duplicate key"), "{twice}");
    let missing =
        micro_socket().args(["check", "--config", "/nowhere/gateway.toml"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(1));
    let reason = String::from_utf8(missing.stderr).unwrap();
    assert!(reason.starts_with("/nowhere/gateway.toml: cannot be read: "), "{reason}");
}

#[test]
fn serve_does_not_start_on_what_check_refuses() {
    let output = micro_socket().args(["--listen", "localhost"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(
        reason.starts_with(
            "--listen: listen: found \"localhost\"; allowed: an IP address with a port"
        ),
        "{reason}"
    );
}

#[test]
fn serve_says_where_it_listens() {
    let [first, second] = announced(&["--listen", "127.0.0.1:0"], &[], Path::new("/"));
    assert_ne!(port(&first), 0);
    assert_eq!(second, format!("Playground: http://127.0.0.1:{}/docs", port(&first)));
    let [first, second] = announced(&["serve", "--listen", "0.0.0.0:0"], &[], Path::new("/"));
    assert_eq!(first, format!("Micro Socket listens on http://0.0.0.0:{}", port(&first)));
    assert_eq!(second, format!("Playground: http://127.0.0.1:{}/docs", port(&first)));
}

#[test]
fn an_address_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = micro_socket().args(["--listen", &address]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let reason = String::from_utf8(output.stderr).unwrap();
    let told = format!("cannot listen on {address}: Address already in use");
    assert!(reason.lines().any(|line| line.starts_with(&told)), "{reason}");
}

#[test]
fn help_and_version_are_there() {
    for (flag, expected) in [("--version", env!("CARGO_PKG_VERSION")), ("--help", "check")] {
        let output = micro_socket().arg(flag).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains(expected));
    }
}

/// A folder with a file `name`, and the path of that file.
fn folder_with(name: &str, content: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

const SECRET: &str = "a secret of at least thirty-two bytes";

#[test]
fn a_secret_is_never_shown() {
    let text = File::new("").effective(&[
        ("MICRO_SOCKET_AUTH__JWT_SECRET", SECRET),
        ("MICRO_SOCKET_AUTH__MODE", "jwt"),
    ]);
    assert!(
        text.contains("jwt_secret = \"\" # given, but not shown\n") && !text.contains("thirty-two"),
        "{text}"
    );
    let wrong = File::new("[auth]\njwt_secret = 12345678\n").refusal(&[]);
    assert!(
        wrong.starts_with(
            "gateway.toml:2: auth.jwt_secret: found something that is not shown; allowed: "
        ),
        "{wrong}"
    );
    let short = File::new("").refusal(&[
        ("MICRO_SOCKET_AUTH__JWT_SECRET", "hunter2"),
        ("MICRO_SOCKET_AUTH__MODE", "jwt"),
    ]);
    assert!(short.contains("at least 32 bytes") && !short.contains("hunter2"), "{short}");
}

#[test]
fn a_secret_in_an_address_is_never_shown() {
    let with = |url: &str| format!("[auth]\nmode = \"jwt\"\njwks_url = \"{url}\"\n");
    let text = File::new(&with("https://ann:hunter2@a.example/keys?key=hunter2")).effective(&[]);
    assert!(
        text.contains(
            "jwks_url = \"https://a.example/keys\" # what may be secret in it is not shown\n"
        ),
        "{text}"
    );
    assert!(!text.contains("hunter2") && !text.contains("ann"), "{text}");
    assert!(
        File::new(&with("https://a.example/keys"))
            .effective(&[])
            .contains("jwks_url = \"https://a.example/keys\"\n")
    );
    for content in [
        with("ftp://ann:hunter2@a.example/keys"),
        with("https://ann:hunter2@"),
        "[auth]\njwks_url = [\"hunter2\"]\n".to_owned(),
        "[auth]\njwt_secret = hunter2\n".to_owned(),
        "[auth]\njwt_secret = \"hunter2\n".to_owned(),
        "auth = \"hunter2\"\n".to_owned(),
    ] {
        let refusal = File::new(&content).refusal(&[]);
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
    let refusal = File::new("").refusal(&[
        ("MICRO_SOCKET_AUTH__JWKS_URL", "ftp://hunter2"),
        ("MICRO_SOCKET_AUTH__JWT_SECRETS", "hunter2"),
    ]);
    assert!(refusal.lines().count() == 2 && !refusal.contains("hunter2"), "{refusal}");
}

#[cfg(unix)]
#[test]
fn a_secret_that_other_users_can_read_gets_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder_with("keys", "0123456789abcdef\n");
    for (mode, warns) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let output = File::new("").check(&[("MICRO_SOCKET_HTTP__API_KEYS_FILE", &path)]);
        assert_eq!(output.status.code(), Some(0));
        let expected = format!(
            "warning: http.api_keys_file: {path}: its mode is 0644: every user can read it; 0600 or 0640 is enough\n"
        );
        assert_eq!(
            String::from_utf8(output.stderr).unwrap(),
            if warns { expected } else { String::new() }
        );
    }
}

#[test]
fn jwt_mode_needs_a_key_that_can_be_used() {
    let keys = format!("{}/tests/keys", env!("CARGO_MANIFEST_DIR"));
    let refusal = |lines: &str| File::new(&format!("[auth]\nmode = \"jwt\"\n{lines}")).refusal(&[]);
    for (lines, expected) in [
        (String::new(), "gateway.toml:2: auth.mode: found \"jwt\"; needs a key: "),
        (
            "jwt_secret_file = \"/nowhere/secret\"".to_owned(),
            "auth.jwt_secret_file: /nowhere/secret: cannot be read: ",
        ),
        (
            format!("jwt_public_key_file = \"{keys}/rsa.pem\""),
            "auth.jwt_public_key_file: this is a private key",
        ),
        (
            format!("jwt_public_key_file = \"{keys}/weak_rsa.pub.pem\""),
            "auth.jwt_public_key_file: not a public key in PEM for ",
        ),
        (
            format!("jwt_secret = \"{SECRET}\"\njwt_secret_file = \"x\""),
            "gateway.toml:3: auth.jwt_secret: found a secret, and ",
        ),
        (
            format!("jwt_secret = \"{SECRET}\"\n[http]\ndemo = true"),
            "gateway.toml:5: http.demo: found true; in jwt mode it needs http.api_keys_file",
        ),
        (
            "jwks_url = \"ftp://a.example/keys\"".to_owned(),
            "gateway.toml:3: auth.jwks_url: found something that is not shown; allowed: ",
        ),
    ] {
        let found = refusal(&lines);
        assert!(found.starts_with(expected), "{lines}: {found}");
    }
    let (_folder, empty) = folder_with("keys", "# none yet\n");
    let refusal = File::new("").refusal(&[("MICRO_SOCKET_HTTP__API_KEYS_FILE", &empty)]);
    assert!(
        refusal.starts_with(&format!("http.api_keys_file: {empty}: there is no key in it")),
        "{refusal}"
    );
    let output = micro_socket()
        .args(["--listen", "127.0.0.1:0"])
        .env("MICRO_SOCKET_HTTP__API_KEYS_FILE", &empty)
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(1), 0),
        "serve does not start either: {output:?}"
    );
}

#[test]
fn a_token_is_made_with_the_secret() {
    let (_folder, file) = folder_with("secret", &format!("\u{FEFF}{SECRET}\r\n"));
    let run = |arguments: &[&str]| {
        micro_socket().args(["token", "--secret-file", &file]).args(arguments).output().unwrap()
    };
    let output = run(&[
        "--sub",
        "ann",
        "--subscribe",
        "prices.*",
        "--subscribe",
        "inbox.{userId}",
        "--ttl",
        "10m",
        "--audience",
        "us",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let mut validation = jsonwebtoken::Validation::default();
    validation.set_audience(&["us"]);
    let key = jsonwebtoken::DecodingKey::from_secret(SECRET.as_bytes());
    let claims =
        jsonwebtoken::decode::<serde_json::Value>(output.stdout.trim_ascii(), &key, &validation)
            .unwrap()
            .claims;
    assert_eq!(
        (claims["sub"].as_str(), claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap()),
        (Some("ann"), 600)
    );
    assert_eq!(
        claims["topics"],
        serde_json::json!({ "subscribe": ["prices.*", "inbox.{userId}"], "publish": [] })
    );
    for wrong in [
        &["--sub", ""][..],
        &["--sub", "ann", "--publish", ">.a"],
        &["--sub", "ann", "--ttl", "10"],
        &[],
    ] {
        assert_ne!(run(wrong).status.code(), Some(0), "{wrong:?}");
    }
    let (_other, short) = folder_with("secret", "hunter2");
    let output =
        micro_socket().args(["token", "--sub", "ann", "--secret-file", &short]).output().unwrap();
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1)
            && reason.contains("at least 32 bytes")
            && !reason.contains("hunter2"),
        "{reason}"
    );
}
