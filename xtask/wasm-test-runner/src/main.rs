//! The test runner of wasm-bindgen, in the version of the workspace's lock file, so that it need
//! not be installed.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
