use std::time::Duration;

use super::*;

/// mux:liveness:busy-service, mux:liveness:busy-client.
#[test]
fn who_has_something_to_read_may_be_silent_for_longer() {
    let mut mux = Mux::new();
    let limits = MuxLimits::default();
    let service = mux.service(b"engine");
    let (client, address) = mux.client();
    assert_eq!(mux.core.patience(service), Duration::ZERO);
    let _ = mux.send(client, &[b"engine", b"work"]);
    assert_eq!(mux.core.patience(service), limits.busy_service, "it accepts nothing");
    let _ = mux.receive(service);
    assert_eq!(mux.core.patience(service), limits.busy_service, "it has something to read");
    assert_eq!(mux.core.patience(client), Duration::ZERO);
    mux.core.handle_octets(service);
    assert_eq!(mux.core.patience(service), Duration::ZERO, "it was heard");
    let _ = mux.send(service, &[&address, b"done"]);
    let _ = mux.receive(client);
    assert_eq!(mux.core.patience(client), limits.busy_client);
}
