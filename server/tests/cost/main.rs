//! What the hot path costs in figures that do not depend on the machine's mood: allocations, and
//! instructions as valgrind counts them. The figures are those of the profile that the tests are
//! built with, so only growth and orders of magnitude mean something for a release build; `cargo
//! bench -p micro-socket` has its times.

#[path = "../../benches/hot_path/work.rs"]
mod work;

mod allocations;
#[cfg(target_os = "linux")]
mod instructions;
