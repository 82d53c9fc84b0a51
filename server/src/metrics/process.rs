//! The process as Linux sees it, under the names that every Prometheus client uses. Elsewhere:
//! nothing.

use super::exposition::Exposition;

#[cfg(target_os = "linux")]
pub(crate) fn put(out: &mut Exposition) {
    let Ok(values) = Values::read() else { return };
    out.counter(
        "process_cpu_seconds_total",
        "CPU time that the process has used, in user and system mode.",
        values.cpu,
    );
    out.gauge("process_resident_memory_bytes", "Memory that the process holds.", values.resident);
    out.gauge(
        "process_virtual_memory_bytes",
        "Address space of the process.",
        values.virtual_memory,
    );
    out.gauge("process_open_fds", "Open file descriptors.", values.open_fds);
    out.gauge("process_max_fds", "File descriptors that the process may open.", values.max_fds);
    out.gauge("process_threads", "Threads of the process.", values.threads);
    out.gauge(
        "process_start_time_seconds",
        "When the process was started, in seconds since 1970.",
        values.start,
    );
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn put(_out: &mut Exposition) {}

#[cfg(target_os = "linux")]
struct Values {
    cpu: f64,
    resident: u64,
    virtual_memory: u64,
    open_fds: usize,
    max_fds: u64,
    threads: i64,
    start: f64,
}

#[cfg(target_os = "linux")]
impl Values {
    fn read() -> procfs::ProcResult<Self> {
        use procfs::{CurrentSI, KernelStats, process::LimitValue};
        let process = procfs::process::Process::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        Ok(Self {
            cpu: (stat.utime + stat.stime) as f64 / ticks,
            resident: stat.rss * procfs::page_size(),
            virtual_memory: stat.vsize,
            open_fds: process.fd_count()?,
            max_fds: match process.limits()?.max_open_files.soft_limit {
                LimitValue::Value(limit) => limit,
                LimitValue::Unlimited => u64::MAX,
            },
            threads: stat.num_threads,
            start: KernelStats::current()?.btime as f64 + stat.starttime as f64 / ticks,
        })
    }
}
