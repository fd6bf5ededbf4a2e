//! Requests beside a storm of connections, through a whole broker.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zmtp_mux::{DealerOptions, DialSecurity, Endpoint, generate_keys};
use zmtp_mux_benches::table::median;
use zmtp_proto::curve::{CurveClient, PublicKey};
use zmtp_proto::{ClientSecurity, Connection, Local, Message, Settings, SocketType};

use crate::Ended;
use crate::peers::keys;

/// Returns the requests per second of an established pair, in thousands: beside connects that say
/// nothing, and beside the same number of connects that bring a recorded HELLO.
pub(crate) fn storm(rounds: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let broker = Broker::start()?;
    let hello = recorded_hello(&broker)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut connects, mut replays) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        connects.push(runtime.block_on(requests_beside(&broker, None))?);
        replays.push(runtime.block_on(requests_beside(&broker, Some(&hello)))?);
    }
    Ok((median(connects), median(replays)))
}

/// A `muxd` with CURVE on both listeners.
struct Broker {
    _process: Ended,
    clients: String,
    services: String,
    key: PublicKey,
}

impl Broker {
    fn start() -> Result<Self, Box<dyn Error>> {
        let keys = generate_keys()?;
        let path = std::env::temp_dir().join(format!("muxd-bench-{}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?
            .write_all(keys.secret.to_z85().as_bytes())?;
        let program = std::env::current_exe()?.with_file_name("muxd");
        let mut process = Ended(
            Command::new(program)
                .args(["--clients", "tcp://127.0.0.1:0", "--services", "tcp://127.0.0.1:0"])
                .args(["--threads", "1", "--open", "--log", "error", "--curve-secret"])
                .arg(&path)
                .stdout(Stdio::piped())
                .spawn()?,
        );
        let out = process.0.stdout.take().ok_or("no output")?;
        let (mut clients, mut services) = (String::new(), String::new());
        for line in BufReader::new(out).lines() {
            let line = line?;
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["listening", "clients", url] => url.clone_into(&mut clients),
                ["listening", "services", url] => url.clone_into(&mut services),
                _ => break,
            }
        }
        std::fs::remove_file(&path)?;
        Ok(Self { _process: process, clients, services, key: keys.public })
    }

    fn address(&self) -> &str {
        self.clients.strip_prefix("tcp://").unwrap_or(&self.clients)
    }

    async fn dial(&self, url: &str, name: &str) -> Result<zmtp_mux::Dealer, Box<dyn Error>> {
        let security = DialSecurity::Curve { server: self.key, keys: Arc::new(generate_keys()?) };
        let options = DealerOptions::new(name)?.with_security(security);
        let endpoint: Endpoint = url.parse()?;
        Ok(zmtp_mux::Dealer::connect_with(&endpoint, &options).await?)
    }
}

/// What a client says up to its HELLO, as somebody on the way may have recorded it.
fn recorded_hello(broker: &Broker) -> Result<Vec<u8>, Box<dyn Error>> {
    let client = CurveClient::new(broker.key, keys(2), [7; 48]);
    let security = ClientSecurity::Curve(Box::new(client));
    let local = Local::new(SocketType::Dealer);
    let mut connection =
        Connection::connector(local, security, Settings::default(), Instant::now());
    let mut octets = connection.poll_transmit().ok_or("no greeting")?.to_vec();
    let mut stream = TcpStream::connect(broker.address())?;
    let mut greeting = [0; 64];
    stream.write_all(&octets)?;
    stream.read_exact(&mut greeting)?;
    connection.handle_input(&greeting, Instant::now())?;
    octets.extend_from_slice(&connection.poll_transmit().ok_or("no HELLO")?);
    Ok(octets)
}

/// Returns thousand requests per second of one client and one service, beside a thousand
/// connections per second that bring `said`.
async fn requests_beside(broker: &Broker, said: Option<&[u8]>) -> Result<f64, Box<dyn Error>> {
    const TIME: Duration = Duration::from_secs(2);
    let service = broker.dial(&broker.services, "engine").await?;
    let client = broker.dial(&broker.clients, "").await?;
    let address = broker.address().to_owned();
    let said = said.map(<[u8]>::to_vec);
    let storm = std::thread::spawn(move || raise(&address, said.as_deref(), TIME * 2));
    let request = Message::from_frames([&b"engine"[..], &[7; 64]])?;
    // The connection is handed to a task of its own, so that the first may have to wait for that.
    for _ in 0..64 {
        client.send(request.clone()).await?;
    }
    client.flush().await;
    let (mut answered, began) = (0_u32, Instant::now());
    while began.elapsed() < TIME {
        tokio::select! {
            asked = service.recv() => {
                let asked = asked?;
                let mut frames = asked.frames();
                let (source, body) = (frames.next(), frames.next());
                service.try_send(Message::from_frames([source, body].into_iter().flatten())?)?;
                while let Some(asked) = service.try_recv()? {
                    service.try_send(asked)?;
                }
                service.flush().await;
            }
            answer = client.recv() => {
                answer?;
                answered += 1;
                client.try_send(request.clone())?;
                while client.try_recv()?.is_some() {
                    answered += 1;
                    client.try_send(request.clone())?;
                }
                client.flush().await;
            }
        }
    }
    let rate = f64::from(answered) / began.elapsed().as_secs_f64() / 1e3;
    storm.join().map_err(|_| "the storm failed")?;
    Ok(rate)
}

/// Connects a thousand times per second, says what there is to say, and closes.
fn raise(address: &str, said: Option<&[u8]>, time: Duration) {
    let began = Instant::now();
    let mut made = 0;
    while began.elapsed() < time {
        let due = began.elapsed().as_millis();
        while made < due {
            made += 1;
            let Ok(mut stream) = TcpStream::connect(address) else { continue };
            if let Some(said) = said {
                let _ = stream.write_all(said);
                let mut answer = [0; 64 + 170];
                let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
                let _ = stream.read_exact(&mut answer);
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
