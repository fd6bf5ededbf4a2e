//! The broker.

use rzmq::{Context, MsgFlags, Socket};
use zmtp_mux_bench_rivals::Failure;
use zmtp_mux_bench_roles::role::Swap;

use crate::router;

pub(crate) async fn swap(role: &Swap) -> Result<(), Failure> {
    let context = Context::new()?;
    let (clients, clients_at) = router(&context, &role.clients).await?;
    let (services, services_at) = router(&context, &role.services).await?;
    println!("listening clients {clients_at}");
    println!("listening services {services_at}");
    println!("ready");
    let requests = tokio::spawn(forward(clients.clone(), services.clone()));
    let replies = tokio::spawn(forward(services, clients));
    let (requests, replies) = tokio::try_join!(requests, replies)?;
    requests.and(replies)
}

async fn forward(from: Socket, to: Socket) -> Result<(), Failure> {
    loop {
        let mut frames = from.recv_multipart().await?;
        if frames.len() < 2 {
            continue;
        }
        frames.swap(0, 1);
        let last = frames.len() - 1;
        for (at, frame) in frames.iter_mut().enumerate() {
            let more = if at == last { MsgFlags::empty() } else { MsgFlags::MORE };
            frame.set_flags(more);
        }
        // To nobody it is dropped.
        let _ = to.send_multipart(frames).await;
    }
}
