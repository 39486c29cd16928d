//! nginx on a folder: what a server of files alone can do on this machine.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::run::process::{Server, free_port};

/// Starts nginx on what lies in this folder, with a worker for each processor; none where it is not installed.
pub(super) async fn serve(program: &Path, folder: &Path) -> anyhow::Result<Option<Server>> {
    let found = Command::new(program)
        .arg("-v")
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    let port = free_port()?;
    // A worker of root's is nobody, who may not look into the folder.
    let is_root = fs::metadata("/proc/self")?.uid() == 0;
    let user = if is_root { "user root;" } else { "" };
    let place = folder.display();
    let text = format!(
        "{user} daemon off; worker_processes auto; pid {place}/nginx.pid; error_log {place}/error.log;
        events {{ worker_connections 1024; }}
        http {{
            types {{ image/jpeg jpg; }}
            access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
            open_file_cache max=100 inactive=1h;
            client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
            uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
            server {{ listen 127.0.0.1:{port}; root {place}/files; }}
        }}"
    );
    let settings = folder.join("nginx.conf");
    fs::write(&settings, text)?;
    // What is asked for to know that it serves.
    fs::write(folder.join("files/readyz"), "ready")?;
    let with_settings = |program: &Path| {
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).arg("-c").arg(&settings);
        command
    };
    // Killed, it would leave its workers behind.
    let mut stop = with_settings(program);
    stop.args(["-s", "stop"]).stderr(Stdio::null());
    let server = Server::start(with_settings(program), port).await?;
    Ok(Some(server.ended_by(stop)))
}
