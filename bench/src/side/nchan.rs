//! nginx with the module Nchan from the system's packages, one worker process.

use super::{Environment, Unavailable, file, installed, version};
use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

pub(super) fn command(
    environment: &Environment,
    address: SocketAddr,
) -> Result<Command, Unavailable> {
    let nginx = program()?;
    file(MODULE.into(), "Debian's package libnginx-mod-nchan")?;
    // nginx resolves relative paths from its own folder.
    let folder = std::path::absolute(environment.work.join("nginx"))
        .map_err(|error| Unavailable(error.to_string()))?;
    let config = folder.join("nginx.conf");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&config, config_for(address, &folder.display().to_string())))
        .map_err(|error| Unavailable(format!("no configuration for nginx: {error}")))?;
    let mut command = Command::new(nginx);
    command.arg("-p").arg(&folder).arg("-e").arg("stderr").arg("-c").arg(config);
    Ok(command)
}

/// A message buffer that is longer than every window of the benchmarks: a subscriber that falls
/// behind it would lose messages.
fn config_for(address: SocketAddr, folder: &str) -> String {
    format!(
        "load_module {MODULE};
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  nchan_shared_memory_size 512M;
  nchan_message_buffer_length 8192;
  nchan_message_timeout 1m;
  server {{
    listen {address} backlog=4096;
    location ~ ^/sub/(.+)$ {{ nchan_subscriber websocket; nchan_channel_id $1; }}
    location ~ ^/pub/(.+)$ {{ nchan_publisher websocket; nchan_channel_id $1; }}
    location ~ ^/both/(.+)$ {{ nchan_pubsub websocket; nchan_channel_id $1; }}
  }}
}}
"
    )
}

fn program() -> Result<PathBuf, Unavailable> {
    installed(&["/usr/sbin/nginx"], "nginx")
}

pub(super) fn description() -> String {
    let version = program().map(|program| version(&program, "-v")).unwrap_or_default();
    format!("Nchan in {}, one worker process", version.trim_start_matches("nginx version: "))
}
