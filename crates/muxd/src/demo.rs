//! `muxd demo`: a MUX with services and clients in one process, to see what it does.

use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use zmtp_mux::{Dealer, DealerError, Endpoint, Listen, ListenerRole, Message, Mux, MuxConfig};

use crate::failure::Failure;

/// Runs the demo to its end.
pub(crate) fn run() -> Result<(), Failure> {
    Builder::new_current_thread().enable_all().build()?.block_on(show())
}

async fn show() -> Result<(), Failure> {
    let mux = Mux::new(MuxConfig::default())?;
    let any_port = || Endpoint::Tcp { host: "127.0.0.1".to_owned(), port: 0 };
    let clients = mux.bind(Listen::new(ListenerRole::Clients, any_port()))?;
    let services = mux.bind(Listen::new(ListenerRole::Services, any_port()))?;
    println!("A MUX listens for clients on {clients} and for services on {services}.\n");

    let mut running = Vec::new();
    for name in ["engine.1", "engine.2", "engine.3"] {
        running.push(Running::start(&services, name).await?);
    }
    println!("Three services have connected, each under its name. A client asks by name:\n");
    let client = Dealer::connect(&clients, "").await?;
    for name in ["engine.2", "engine.1", "engine.3", "engine.2"] {
        ask(&client, name).await?;
    }

    println!("\nengine.2 goes. A request for it is not delivered to anybody else:\n");
    running.swap_remove(1).stop().await;
    wait_for(&mux, "bindings", 3).await;
    client.send(request("engine.2", "are you there?")?).await.map_err(DealerError::from)?;
    wait_for(&mux, "dropped_unknown", 1).await;
    println!("  client -> engine.2   are you there?    dropped and counted: dropped_unknown 1");

    println!("\nIt comes back under the same name, and is found again:\n");
    running.push(Running::start(&services, "engine.2").await?);
    ask(&client, "engine.2").await?;

    println!(
        "\nThe rate, all in this one thread, two clients, {IN_FLIGHT} requests in flight each:\n"
    );
    rate(&clients).await?;

    mux.end().await;
    let counters = mux.counters();
    let count = |name| counters.iter().find(|(other, _)| *other == name).map_or(0, |pair| pair.1);
    println!(
        "\nNothing was lost unseen: received {} = handed over {} + dropped {} (the one above).",
        count("received"),
        count("handed_over"),
        count("dropped_unknown"),
    );
    println!(
        "\nNow start muxd itself, and connect ZeroMQ sockets to it: see README.md, \"Use it\"."
    );
    Ok(())
}

/// A service at work.
struct Running {
    task: JoinHandle<Result<(), DealerError>>,
    stop: oneshot::Sender<()>,
}

impl Running {
    async fn start(endpoint: &Endpoint, name: &'static str) -> Result<Self, DealerError> {
        let dealer = Dealer::connect(endpoint, name).await?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            tokio::select! {
                outcome = answer_all(dealer, name) => outcome,
                _ = stopped => Ok(()),
            }
        });
        Ok(Self { task, stop })
    }

    async fn stop(self) {
        // If the service has ended already, that is what was asked for.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Answers every request, as many at once as have arrived.
async fn answer_all(dealer: Dealer, name: &str) -> Result<(), DealerError> {
    loop {
        let mut next = Some(dealer.recv().await?);
        while let Some(message) = next {
            let client = message.frames().next().unwrap_or_default();
            let answer = format!("{name} is here");
            if let Ok(answer) = Message::from_frames([client, answer.as_bytes()]) {
                dealer.try_send(answer)?;
            }
            next = dealer.try_recv()?;
        }
        dealer.flush().await;
    }
}

/// Sends a request, and prints it with its answer.
async fn ask(client: &Dealer, name: &str) -> Result<(), Failure> {
    let question = "who is there?";
    client.send(request(name, question)?).await.map_err(DealerError::from)?;
    let answer = client.recv().await?;
    let mut frames = answer.frames().map(|frame| frame.escape_ascii().to_string());
    let (service, said) = (frames.next().unwrap_or_default(), frames.next().unwrap_or_default());
    println!("  client -> {name}   {question}     {service} -> client   {said}");
    Ok(())
}

/// Measures for a moment how many requests two clients get answered.
async fn rate(clients: &Endpoint) -> Result<(), Failure> {
    let began = Instant::now();
    let one = tokio::spawn(keep_asking(Dealer::connect(clients, "").await?, began));
    let other = tokio::spawn(keep_asking(Dealer::connect(clients, "").await?, began));
    let mut answered: u64 = 0;
    for task in [one, other] {
        answered = answered.saturating_add(task.await.map_err(std::io::Error::from)??);
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate to be shown has no use for it")]
    let rate = answered as f64 / seconds;
    println!("  {answered} requests answered in {seconds:.1} s: {rate:.0} requests/s");
    Ok(())
}

async fn keep_asking(dealer: Dealer, began: Instant) -> Result<u64, Failure> {
    let names = ["engine.1", "engine.2", "engine.3"];
    let mut answered: u64 = 0;
    for name in names.into_iter().cycle().take(IN_FLIGHT) {
        dealer.try_send(request(name, "?")?).map_err(DealerError::from)?;
    }
    let mut open = IN_FLIGHT;
    while open > 0 {
        let mut next = Some(dealer.recv().await?);
        while let Some(answer) = next {
            answered = answered.saturating_add(1);
            if began.elapsed() < RATE_TIME {
                let again = request_to(answer.frames().next().unwrap_or_default(), "?")?;
                dealer.try_send(again).map_err(DealerError::from)?;
            } else {
                open = open.saturating_sub(1);
            }
            next = dealer.try_recv()?;
        }
        dealer.flush().await;
    }
    Ok(answered)
}

fn request(name: &str, body: &str) -> Result<Message, Failure> {
    request_to(name.as_bytes(), body)
}

fn request_to(name: &[u8], body: &str) -> Result<Message, Failure> {
    Message::from_frames([name, body.as_bytes()])
        .map_err(|error| std::io::Error::other(error).into())
}

/// Waits until a counter has this value.
async fn wait_for(mux: &Mux, name: &str, value: i64) {
    while !mux.counters().contains(&(name, value)) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

const IN_FLIGHT: usize = 64;
const RATE_TIME: Duration = Duration::from_secs(2);
