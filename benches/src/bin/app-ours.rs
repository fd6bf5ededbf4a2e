//! Ours: the handles of `zmtp-mux`.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Parser;
use tokio::task::JoinSet;
use zmtp_mux::{
    Dealer, Incoming, Listen, ListenerRole, Message, MuxSocket, SocketConfig, SocketEvent,
};
use zmtp_mux_bench_roles::asker::Asker;
use zmtp_mux_bench_roles::meter::Meter;
use zmtp_mux_bench_roles::pings::Pings;
use zmtp_mux_bench_roles::role::{Ask, Cli, Ping, Receive, Role, Send, Serve};
use zmtp_mux_bench_roles::{Progress, body};

type Failure = Box<dyn Error + std::marker::Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    match Cli::parse().role {
        Role::Receive(role) => receive(&role).await,
        Role::Echo => echo().await,
        Role::Send(role) => send(&role).await,
        Role::Ping(role) => ping(&role).await,
        Role::Serve(role) => serve(&role).await,
        Role::Ask(role) => ask(&role).await,
        Role::Swap(_) => Err("the broker is `muxd`".into()),
    }
}

async fn receive(role: &Receive) -> Result<(), Failure> {
    let socket = router()?;
    let (mut meter, mut events) = (Meter::new(role), Vec::new());
    loop {
        socket.recv_many(&mut events, BATCH_MAX).await?;
        for event in events.drain(..) {
            let SocketEvent::Message(Incoming { message, .. }) = event else { continue };
            let body = message.frames().last().unwrap_or_default();
            if meter.take(body) == Progress::Done {
                println!("{}", meter.report());
                return Ok(());
            }
        }
    }
}

async fn echo() -> Result<(), Failure> {
    let socket = router()?;
    loop {
        let Incoming { from, message } = socket.recv().await?;
        socket.send(&from, message).await?;
    }
}

/// Makes a routing socket, and says where it listens.
fn router() -> Result<MuxSocket, Failure> {
    let socket = MuxSocket::new(SocketConfig::default())?;
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?);
    println!("listening {}", socket.bind(listen)?);
    Ok(socket)
}

async fn send(role: &Send) -> Result<(), Failure> {
    let dealer = Dealer::connect(&role.to.parse()?, "").await?;
    let mut octets = body::blank(role.len);
    let batch = BATCH_LEN.checked_div(octets.len()).unwrap_or_default();
    let mut numbers = 0..;
    loop {
        for number in numbers.by_ref().take(batch.max(1)) {
            body::stamp(&mut octets, number);
            dealer.try_send(Message::single(&octets))?;
        }
        dealer.flush().await;
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
        if answer.frames().next().map(<[u8]>::len) != Some(octets.len()) {
            return Err("an answer of another length".into());
        }
        if pings.take(sent) == Progress::Done {
            println!("{}", pings.report());
            return Ok(());
        }
    }
}

async fn serve(role: &Serve) -> Result<(), Failure> {
    let dealer = Dealer::connect(&role.to.parse()?, &role.name).await?;
    println!("connected");
    loop {
        let request = dealer.recv().await?;
        dealer.try_send(request)?;
        while let Some(request) = dealer.try_recv()? {
            dealer.try_send(request)?;
        }
        dealer.flush().await;
    }
}

/// A task for each client.
async fn ask(role: &Ask) -> Result<(), Failure> {
    let pings = Arc::new(Mutex::new(Pings::new(role.window)));
    let mut clients = JoinSet::new();
    for _ in 0..role.clients {
        clients.spawn(client(role.clone(), Arc::clone(&pings)));
    }
    // The first that sees the end of the window ends all.
    clients.join_next().await.ok_or("no clients")??
}

async fn client(role: Ask, pings: Arc<Mutex<Pings>>) -> Result<(), Failure> {
    let dealer = Dealer::connect(&role.to.parse()?, "").await?;
    let mut asker = Asker::new(role.len);
    for _ in 0..role.outstanding {
        dealer.try_send(request(&role, &mut asker)?)?;
    }
    dealer.flush().await;
    loop {
        let mut next = Some(dealer.recv().await?);
        while let Some(answer) = next {
            let sent = asker.take(answer.frames().last().unwrap_or_default())?;
            let mut pings = pings.lock().unwrap_or_else(PoisonError::into_inner);
            if pings.take(sent) == Progress::Done {
                println!("{}", pings.report());
                return Ok(());
            }
            drop(pings);
            dealer.try_send(request(&role, &mut asker)?)?;
            next = dealer.try_recv()?;
        }
        dealer.flush().await;
    }
}

fn request(role: &Ask, asker: &mut Asker) -> Result<Message, Failure> {
    Ok(Message::from_frames([role.name.as_bytes(), asker.ask()])?)
}

/// Octets of bodies that are queued before they are written.
const BATCH_LEN: usize = 64 * 1024;

/// Messages that are taken at once.
const BATCH_MAX: usize = 1024;
