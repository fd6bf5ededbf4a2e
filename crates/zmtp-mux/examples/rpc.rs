//! A named service, a client that asks it, and the MUX between them, all in one process.
//!
//! `cargo run -p zmtp-mux --example rpc`

use zmtp_mux::{
    Client, Listen, ListenerRole, Message, Mux, MuxConfig, RequestError, RetryPolicy, Service,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mux = Mux::new(MuxConfig::default())?;
    let clients = mux.bind(Listen::new(ListenerRole::Clients, "tcp://127.0.0.1:0".parse()?))?;
    let services = mux.bind(Listen::new(ListenerRole::Services, "tcp://127.0.0.1:0".parse()?))?;

    let service = Service::connect(&services, "engine.7").await?;
    tokio::spawn(async move {
        while let Ok(request) = service.recv().await {
            // It may be answered later, from any task, in any order.
            let answer = request.message();
            let _ = request.reply(answer).await;
        }
    });

    let client = Client::builder(clients).retry(RetryPolicy::default()).connect().await?;
    for name in ["engine.7", "engine.8"] {
        match client.request(name, Message::single(b"hello")).await {
            Ok(reply) => println!("{name}: {reply:?}"),
            Err(RequestError::InDoubt { reason }) => println!("{name}: perhaps done: {reason}"),
            Err(error) => println!("{name}: certainly not done: {error}"),
        }
    }
    mux.end().await; // dropping it does not
    Ok(())
}
