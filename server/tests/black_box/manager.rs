//! Notifications to systemd or another service manager: sd_notify(3).

use crate::gateway::Gateway;
use std::time::Duration;
use tokio::net::UnixDatagram;

async fn next(manager: &UnixDatagram) -> String {
    let mut text = [0; 256];
    let len = tokio::time::timeout(Duration::from_secs(20), manager.recv(&mut text))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8(text[..len].to_vec()).unwrap()
}

#[tokio::test]
async fn the_service_manager_follows_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    let gateway = Gateway::start(&[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    assert_eq!(next(&manager).await, "READY=1\n");
    gateway.signal("HUP");
    let reloading = next(&manager).await;
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().trim_end();
    assert!(micros.parse::<u64>().unwrap() > 0, "{reloading}");
    assert_eq!(next(&manager).await, "READY=1\n");
    gateway.signal("TERM");
    assert_eq!(next(&manager).await, "STOPPING=1\n");
    assert!(gateway.ended());
}

#[tokio::test]
async fn a_manager_that_is_not_there_is_no_reason_to_stop() {
    let gateway = Gateway::start(&[("NOTIFY_SOCKET", "/no/such/socket")]);
    assert_eq!(gateway.get("/readyz").await.status(), 200);
}
