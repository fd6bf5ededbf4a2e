//! The broker.

use omq_tokio::{Message, Options, Socket};
use zmtp_mux_bench_rivals::Failure;
use zmtp_mux_bench_roles::role::Swap;

use crate::{BATCH, router};

pub(crate) async fn swap(role: &Swap) -> Result<(), Failure> {
    let (clients, clients_at) = router(&role.clients, Options::default()).await?;
    let (services, services_at) = router(&role.services, Options::default()).await?;
    println!("listening clients {clients_at}");
    println!("listening services {services_at}");
    println!("ready");
    let requests = tokio::spawn(forward(clients.clone(), services.clone()));
    let replies = tokio::spawn(forward(services, clients));
    let (requests, replies) = tokio::try_join!(requests, replies)?;
    requests.and(replies)
}

async fn forward(from: Socket, to: Socket) -> Result<(), Failure> {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        from.recv_many_into(BATCH, &mut batch).await?;
        for mut message in batch.drain(..) {
            let (Some(source), Some(destination)) = (message.pop_front(), message.pop_front())
            else {
                continue;
            };
            // To nobody it is dropped.
            let _ = to.send_to(&destination, Message::with_prefix(source, message)).await;
        }
    }
}
