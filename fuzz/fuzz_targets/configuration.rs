//! The configuration: any file and any environment become a configuration or a list of problems.
//!
//! The input's part before the first NUL is the file; behind it, each line is a variable.

#![no_main]

use libfuzzer_sys::fuzz_target;
use micro_socket::config::{Config, Sources};
use std::{env, ffi::OsString, fs, process};

/// Each variable, with the prefix that the gateway reads.
fn environment(text: &str) -> Vec<(OsString, OsString)> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (format!("MICRO_SOCKET_{name}").into(), value.into()))
        .collect()
}

fuzz_target!(|input: &str| {
    let (file, variables) = input.split_once('\0').unwrap_or((input, ""));
    let path = env::temp_dir().join(format!("micro-socket-fuzz-{}.toml", process::id()));
    fs::write(&path, file).expect("the folder for temporary files is writable");
    let sources = Sources {
        file: Some(path),
        environment: environment(variables),
        listen: Vec::new(),
    };
    match Config::load(&sources) {
        Ok(config) => {
            assert!(config.differences(&config).is_empty(), "a configuration equals itself");
            assert!(!config.to_toml().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty(), "a refusal names its problems"),
    }
});
