//! Who is there: services come and go, and a client is told.
//!
//! `cargo run -p zmtp-mux --example presence`

use zmtp_mux::{Client, Listen, ListenerRole, Mux, MuxConfig, Service, WatchEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mux = Mux::new(MuxConfig::default())?;
    let endpoint = mux.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
    let one = Service::connect(&endpoint, "engine.1").await?;
    let client = Client::connect(&endpoint).await?;
    let mut watch = client.watch("engine.*".parse()?);

    let (mut two, mut gone) = (None, Vec::new());
    while gone.len() < 2 {
        match watch.recv().await? {
            WatchEvent::Up { name, generation } => println!("{name} is there, as {generation}"),
            WatchEvent::Gone { name, reason, .. } => {
                println!("{name} has gone: {reason:?}");
                gone.push(name);
            }
            WatchEvent::Synced => {
                println!("that was all, for now");
                two = Some(Service::connect(&endpoint, "engine.2").await?);
                one.close().await;
            }
            WatchEvent::Stale | _ => {}
        }
        // The second goes when the first has.
        if gone.len() == 1
            && let Some(two) = two.take()
        {
            two.close().await;
        }
    }
    mux.end().await;
    Ok(())
}
