//! The command line.

mod cli;

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use cli::{keys::Keys, publish::Pub, say::say, sub::Sub, token::Token};
use micro_socket::{
    Server,
    config::{Config, ListenAddress, LogFormat, Sources, exposed_files},
    log::{Log, set_level},
    serve::{Listeners, Running, Runtimes, runtimes},
};
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A realtime WebSocket gateway.
#[derive(Parser)]
#[command(name = "micro-socket", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (what happens without a command)
    Serve(Serve),
    /// Print the effective configuration, or say what is wrong with it
    Check(Check),
    /// Keys for signing messages
    #[command(subcommand)]
    Keys(Keys),
    /// Make a JSON Web Token for trying things out
    Token(Token),
    /// Print the messages of topics as they come
    Sub(Sub),
    /// Publish one message, or each line of standard input
    Pub(Pub),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, of this program or of one command
    Man {
        /// The command
        command: Option<String>,
    },
}

#[derive(Args)]
struct Serve {
    /// Read the configuration from this file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on this address, such as 127.0.0.1:3000 or unix:/run/micro-socket.sock; may be
    /// repeated. Port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
}

#[derive(Args)]
struct Check {
    /// Read the configuration from this file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(options) => return serve(sources(options.config, options.listen)),
        Command::Check(options) => check(&sources(options.config, Vec::new())),
        Command::Keys(command) => command.run(),
        Command::Token(command) => command.run().map(|token| print(token.as_bytes(), b"\n")),
        Command::Sub(command) => match command.run() {
            Ok(exit) => return exit.into(),
            Err(reason) => Err(reason),
        },
        Command::Pub(command) => match command.run() {
            Ok(exit) => return exit.into(),
            Err(reason) => Err(reason),
        },
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "micro-socket", &mut text);
            print(&text, b"");
            Ok(())
        }
        Command::Man { command } => manual(command.as_deref()).map(|text| print(&text, b"")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(reason),
    }
}

fn fail(reason: impl Display) -> ExitCode {
    say(stderr(), &format!("{reason}\n"));
    ExitCode::FAILURE
}

fn sources(file: Option<PathBuf>, listen: Vec<String>) -> Sources {
    Sources { file, environment: std::env::vars_os().collect(), listen }
}

/// The files that it names are read too.
fn check(sources: &Sources) -> Result<(), String> {
    let config = Config::load(sources).map_err(text)?;
    let (effective, exposed) = (config.to_toml(), exposed_files(&config));
    workers(&config)?;
    Server::prepare(config).map_err(text)?;
    exposed.iter().for_each(|file| say(stderr(), &format!("warning: {file}\n")));
    print(effective.as_bytes(), b"");
    Ok(())
}

fn serve(sources: Sources) -> ExitCode {
    let config = match Config::load(&sources) {
        Ok(config) => config,
        Err(error) => return fail(error),
    };
    let format = config.log.format;
    let log = match Log::start(&config.log) {
        Ok(log) => log,
        Err(error) => return fail(format!("the log cannot start: {error}")),
    };
    // Whatever the level: a process does not end without saying why.
    match (run(config, sources), format) {
        (Ok(()), _) => ExitCode::SUCCESS,
        (Err(reason), LogFormat::Text) => {
            drop(log);
            fail(reason)
        }
        (Err(reason), LogFormat::Json) => {
            let _is_a_level = set_level("error");
            tracing::error!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config, sources: Sources) -> Result<(), String> {
    exposed_files(&config).iter().for_each(|file| tracing::warn!("{file}"));
    refuse_huge_pages();
    // Before there are threads that look at the environment, from which it takes what systemd has
    // put there.
    let listeners = Listeners::open(&config).map_err(text)?;
    let runtimes = Runtimes::new(workers(&config)?)
        .map_err(|error| format!("the runtime cannot start: {error}"))?;
    let running = runtimes.start(start(config, listeners, sources))?;
    runtimes.end(running.until_stopped()).map_err(|error| format!("stopped: {error}"))
}

fn workers(config: &Config) -> Result<NonZeroUsize, String> {
    runtimes::workers(
        config.runtime.workers,
        std::env::var_os(runtimes::WORKERS_VARIABLE).as_deref(),
    )
    .map_err(text)
}

async fn start(config: Config, listeners: Listeners, sources: Sources) -> Result<Running, String> {
    let docs = config.http.docs;
    let server = Server::prepare(config).map_err(text)?;
    let announcement = announcement(&listeners, docs, server.is_encrypted());
    let running = server.start(listeners, sources).await.map_err(text)?;
    say(stdout(), &announcement);
    Ok(running)
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// Memory that grows comes in pages of 4 KiB, not of 2 MiB: who is served while one of those is
/// cleared waits for milliseconds. Without effect where the kernel does not know it.
fn refuse_huge_pages() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_thp_disable(true);
}

/// What a person, or a program that started this one, needs to go on. The first lines are the same
/// with more listeners.
fn announcement(listeners: &Listeners, docs: bool, is_encrypted: bool) -> String {
    let scheme = if is_encrypted { "https" } else { "http" };
    let addresses = listeners.addresses();
    let mut lines: Vec<String> = addresses
        .iter()
        .map(|address| match address {
            ListenAddress::Tcp(address) => {
                format!("Micro Socket listens on {scheme}://{address}\n")
            }
            ListenAddress::Unix(_) => format!("Micro Socket listens on {address}\n"),
        })
        .collect();
    if let (true, Some(ListenAddress::Tcp(address))) = (docs, addresses.first()) {
        lines.insert(1, format!("Playground: {scheme}://{}/docs\n", reachable(*address)));
    }
    lines.extend(
        listeners
            .admin_address()
            .map(|address| format!("Metrics: http://{}/metrics\n", reachable(address))),
    );
    lines.concat()
}

/// An address that a browser on this machine can open: "all interfaces" is none.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// To standard output at once; a reader that has gone is no reason to stop.
fn print(text: &[u8], end: &[u8]) {
    let mut out = stdout().lock();
    let _ = out.write_all(text).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
}

/// The manual page of the program, or of its command of this name.
fn manual(command: Option<&str>) -> Result<Vec<u8>, String> {
    let mut program = Cli::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => program
            .find_subcommand(name)
            .ok_or_else(|| format!("there is no command {name}; micro-socket --help lists them"))?
            .clone(),
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}
