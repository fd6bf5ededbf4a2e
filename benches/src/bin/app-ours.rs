//! Ours: the handles of `zmtp-mux`.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Parser;
use tokio::task::JoinSet;
use zmtp_mux::{
    Client, Dealer, Listen, ListenerRole, Message, MuxSocket, NotSentReason, Service, SocketConfig,
    SocketEvent,
};
use zmtp_mux_bench_roles::asker::Asker;
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Ask, Cli, Ping, Receive, Role, Send, Serve};
use zmtp_mux_bench_roles::{Progress, body};

type Failure = Box<dyn Error + std::marker::Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    // A task, as an application's work is: to wake what runs in `main` itself, this runtime asks the
    // system for events once more each time.
    tokio::spawn(run(Cli::parse().role)).await?
}

async fn run(role: Role) -> Result<(), Failure> {
    match role {
        Role::Receive(role) => receive(&role).await,
        Role::Send(role) => send(&role).await,
        Role::Echo => echo().await,
        Role::Ping(role) => ping(&role).await,
        Role::Serve(role) => serve(&role).await,
        Role::Ask(role) => ask(&role).await,
        Role::Swap(_) => Err("the broker is `muxd`".into()),
    }
}

async fn receive(role: &Receive) -> Result<(), Failure> {
    let socket = router()?;
    let mut meter = Meter::new(role);
    let mut events = Vec::with_capacity(BATCH);
    loop {
        socket.recv_many(&mut events, BATCH).await?;
        for event in events.drain(..) {
            if let SocketEvent::Message(incoming) = event
                && meter.take(last_frame(&incoming.message)) == Progress::Done
            {
                println!("{}", meter.report());
                return Ok(());
            }
        }
    }
}

async fn send(role: &Send) -> Result<(), Failure> {
    let dealer = Dealer::connect(&role.to.parse()?, "").await?;
    let mut octets = body::blank(role.len);
    for number in 0.. {
        body::stamp(&mut octets, number);
        dealer.send(Message::single(&octets)).await?;
    }
    Ok(())
}

async fn echo() -> Result<(), Failure> {
    let socket = router()?;
    loop {
        let incoming = socket.recv().await?;
        match socket.send(&incoming.from, incoming.message).await {
            // Who asked has left.
            Err(unsent) if unsent.reason == NotSentReason::NotConnected => {}
            sent => sent?,
        }
    }
}

async fn ping(role: &Ping) -> Result<(), Failure> {
    let dealer = Dealer::connect(&role.to.parse()?, "").await?;
    let octets = body::blank(role.len);
    let mut pings = Pings::new(role.window);
    loop {
        let sent = Instant::now();
        dealer.send(Message::single(&octets)).await?;
        let answer = dealer.recv().await?;
        if last_frame(&answer).len() != octets.len() {
            return Err("an answer of another length".into());
        }
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}

async fn serve(role: &Serve) -> Result<(), Failure> {
    let service = Service::connect(&role.to.parse()?, &role.name).await?;
    println!("connected");
    loop {
        let request = service.recv().await?;
        let body = request.message();
        request.reply(body).await?;
    }
}

/// A task for each client.
async fn ask(role: &Ask) -> Result<(), Failure> {
    let pings = Arc::new(Mutex::new(Pings::new(role.window)));
    let mut asking = JoinSet::new();
    for _ in 0..role.clients {
        let client = Client::connect(&role.to.parse()?).await?;
        asking.spawn(ask_as(client, role.clone(), Arc::clone(&pings)));
    }
    // The first that sees the end of the window ends all.
    asking.join_next().await.ok_or("nothing is asked")???;
    println!("{}", pings.lock().unwrap_or_else(PoisonError::into_inner).report());
    Ok(())
}

async fn ask_as(client: Client, role: Ask, pings: Arc<Mutex<Pings>>) -> Result<(), Failure> {
    let mut asker = Asker::new(role.len);
    let mut open = VecDeque::new();
    for _ in 0..role.outstanding {
        open.push_back(client.send(&role.name, asker.ask()));
    }
    while let Some(oldest) = open.pop_front() {
        let answer = oldest.await?;
        let sent = asker.take(last_frame(&answer))?;
        if pings.lock().unwrap_or_else(PoisonError::into_inner).take(sent) == Progress::Done {
            break;
        }
        open.push_back(client.send(&role.name, asker.ask()));
    }
    Ok(())
}

/// Binds a routing socket and says where.
fn router() -> Result<MuxSocket, Failure> {
    let socket = MuxSocket::new(SocketConfig::default())?;
    let endpoint = socket.bind(Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?))?;
    println!("listening {endpoint}");
    Ok(socket)
}

fn last_frame(message: &Message) -> &[u8] {
    message.frames().last().unwrap_or_default()
}

/// Messages taken at once.
const BATCH: usize = 256;
