//! What a server says of itself, and whether a gateway can rely on it. Asked by `INFO`, which managed
//! servers allow too; `CONFIG GET` is often forbidden.

use super::error::StartError;

/// An answer to `INFO`.
#[derive(Debug)]
pub(super) struct Server<'a>(&'a str);

impl<'a> Server<'a> {
    pub(super) fn new(info: &'a str) -> Self {
        Self(info)
    }

    /// `None`: it says nothing of that.
    fn field(&self, name: &str) -> Option<&'a str> {
        let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
        self.0.lines().find_map(value)
    }

    /// Whether its claims and records are as safe as they are thought to be.
    ///
    /// # Errors
    /// [`StartError`]: what is in the way.
    pub(super) fn check(&self) -> Result<(), StartError> {
        let version = self.field("redis_version").unwrap_or_default();
        if !is_new_enough(version) {
            return Err(StartError::TooOld(version.to_owned()));
        }
        match self.field("maxmemory_policy") {
            Some("noeviction") => {}
            other => return Err(StartError::Evicts(other.unwrap_or("nothing").to_owned())),
        }
        if self.field("cluster_enabled") == Some("1") {
            return Err(StartError::Cluster);
        }
        match self.field("role") {
            Some("master") => Ok(()),
            other => Err(StartError::Replica(other.unwrap_or("nothing").to_owned())),
        }
    }

    /// Whether what it was told outlives its end.
    pub(super) fn has_append_only_file(&self) -> bool {
        self.field("aof_enabled") == Some("1")
    }

    /// Whether replicas follow it.
    pub(super) fn has_replicas(&self) -> bool {
        self.field("connected_slaves").is_some_and(|count| count != "0")
    }
}

/// The oldest version that the tests have seen is 7.0.
fn is_new_enough(version: &str) -> bool {
    let major = version.split('.').next().and_then(|part| part.parse::<u32>().ok());
    major.is_some_and(|major| major >= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n\
        # Persistence\r\naof_enabled:1\r\n# Replication\r\nrole:master\r\nconnected_slaves:0\r\ncluster_enabled:0\r\n";

    #[test]
    fn a_server_that_would_break_a_promise_is_refused_with_what_was_found() {
        let good = Server::new(GOOD);
        assert!(good.check().is_ok() && good.has_append_only_file() && !good.has_replicas());
        for (from, to, expected) in [
            ("7.0.15", "6.2.14", "version 6.2.14; 7.0 or newer is needed"),
            ("redis_version:7.0.15", "", "version ; 7.0"),
            ("noeviction", "allkeys-lru", "found allkeys-lru; needed: noeviction"),
            ("maxmemory_policy:noeviction", "", "found nothing; needed: noeviction"),
            ("cluster_enabled:0", "cluster_enabled:1", "cluster_enabled is 1"),
            ("role:master", "role:slave", "found role:slave"),
        ] {
            let info = GOOD.replace(from, to);
            let error = Server::new(&info).check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let other = GOOD.replace("aof_enabled:1", "aof_enabled:0").replace("slaves:0", "slaves:2");
        let other = Server::new(&other);
        assert!(!other.has_append_only_file() && other.has_replicas());
    }
}
