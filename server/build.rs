//! Notices files of the page that came since the last build: a release binary holds them all.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../target/site/pkg");
    }
}
