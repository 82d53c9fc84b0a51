//! The cost of the hot path in figures that do not depend on the machine: allocations, and
//! instructions as valgrind counts them. The figures are those of the profile with which the tests
//! are built, so for a release build only growth and orders of magnitude are meaningful; `cargo
//! bench -p micro-socket` gives its times.

#[path = "../../benches/hot_path/work.rs"]
mod work;

mod allocations;
#[cfg(target_os = "linux")]
mod instructions;
