//! The broker.

use zeromq::{RouterRecvHalf, RouterSendHalf, SocketRecv, SocketSend, ZmqMessage};
use zmtp_mux_bench_rivals::Failure;
use zmtp_mux_bench_roles::role::Swap;

use crate::router;

pub(crate) async fn swap(role: &Swap) -> Result<(), Failure> {
    let (clients, clients_at) = router(&role.clients).await?;
    let (services, services_at) = router(&role.services).await?;
    println!("listening clients {clients_at}");
    println!("listening services {services_at}");
    println!("ready");
    let (to_clients, from_clients) = clients.split();
    let (to_services, from_services) = services.split();
    let requests = tokio::spawn(forward(from_clients, to_services));
    let replies = tokio::spawn(forward(from_services, to_clients));
    let (requests, replies) = tokio::try_join!(requests, replies)?;
    requests.and(replies)
}

async fn forward(mut from: RouterRecvHalf, mut to: RouterSendHalf) -> Result<(), Failure> {
    loop {
        let mut frames = from.recv().await?.into_vecdeque();
        if frames.len() < 2 {
            continue;
        }
        frames.swap(0, 1);
        let message = ZmqMessage::try_from(frames).map_err(|_| "a message without frames")?;
        // To nobody it is dropped.
        let _ = to.send(message).await;
    }
}
