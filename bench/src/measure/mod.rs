//! Readings: what a process has used, and what is typical of many figures.

pub mod process;
pub mod spread;
