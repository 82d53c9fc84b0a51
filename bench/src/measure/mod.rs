//! Measurements: the CPU time and memory of a process, and statistics of many figures.

pub mod process;
pub mod spread;
