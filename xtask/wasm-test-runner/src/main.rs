//! The test runner of wasm-bindgen in the version that the workspace is locked to, without an
//! installation of its own.

fn main() -> anyhow::Result<()> {
    wasm_bindgen_cli::wasm_bindgen_test_runner::run_cli_with_args(std::env::args_os())
}
