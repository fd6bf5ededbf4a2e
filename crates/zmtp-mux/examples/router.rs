//! A routing socket in place of libzmq's ROUTER: workers come, say that they are ready, and get work.
//! Any DEALER or REQ can be a worker, libzmq's too.
//!
//! `cargo run -p zmtp-mux --example router`

use zmtp_mux::{Dealer, Listen, ListenerRole, Message, MuxSocket, SocketConfig, SocketEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let socket = MuxSocket::new(SocketConfig::default())?;
    let endpoint = socket.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
    for name in ["worker.1", "worker.2"] {
        let worker = Dealer::connect(&endpoint, name).await?;
        tokio::spawn(async move {
            worker.send(Message::single(b"ready")).await?;
            println!("{name} works on {:?}", worker.recv().await?);
            worker.close().await;
            Ok::<(), zmtp_mux::DealerError>(())
        });
    }
    let mut served = 0..2;
    while !served.is_empty() {
        let event = socket.event().await?;
        if let SocketEvent::Message(ready) = event {
            socket.send(&ready.from, Message::single(b"a task")).await?;
        } else if let SocketEvent::Gone { peer, reason } = event {
            println!("{:?} has gone: {reason:?}", peer.name);
            served.next();
        }
    }
    socket.close().await;
    Ok(())
}
