//! A service is killed under load: what came back was not processed, and its end is told once.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Muxd, Raw, notice};

use crate::beside::Join;
use crate::figures::{millis, percentile};
use crate::line::Line;
use crate::{Scale, yard};

/// The argument that makes this program the service.
pub(crate) const SERVICE: &str = "service";

/// Serves until it is killed. It tells of each request on its standard output before it answers.
pub(crate) fn serve(url: &str, name: &str) -> ! {
    let mut raw = Raw::join(url, "DEALER", name.as_bytes());
    let mut stdout = std::io::stdout().lock();
    let mut tell = |octets: &[u8]| {
        stdout.write_all(octets).and_then(|()| stdout.flush()).expect("somebody reads");
    };
    tell(&READY.to_be_bytes());
    loop {
        let frames = raw.receive();
        tell(&frames[1]);
        thread::sleep(WORK);
        raw.send(&message(&[&frames[0], &frames[1]]));
    }
}

/// What a client saw of one holder.
#[derive(Debug, Default)]
struct Seen {
    answered: HashSet<u64>,
    returned: HashSet<u64>,
    /// RETURNs without a frame: of whichever message.
    unnamed: usize,
    gones: Vec<Instant>,
    late: usize,
}

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let rounds = scale.pick(10, 1000);
    let muxd = yard::start();
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| notice::opted_in(muxd.clients())).collect();
    let (mut times, mut wrong, mut returned, mut answered, mut processed) =
        (Vec::new(), 0, 0, 0, 0);
    let (mut late, mut not_one, mut unnamed) = (0, 0, 0);
    for round in 0..rounds {
        let (seen, killed, by_service) = one_round(&muxd, &mut clients, round);
        processed += by_service.len();
        for seen in seen {
            wrong += seen.returned.intersection(&by_service).count();
            returned += seen.returned.len();
            answered += seen.answered.len();
            unnamed += seen.unnamed;
            late += seen.late;
            not_one += usize::from(seen.gones.len() != 1);
            times.extend(seen.gones.iter().map(|gone| gone.saturating_duration_since(killed)));
        }
    }
    drop(clients);
    yard::end(muxd);
    let fault = format!("SIGKILL of a service under load, {rounds} rounds");
    let p99 = percentile(&mut times, 99);
    let figure = format!(
        "{wrong} of {returned} returned were processed ({processed} processed, {answered} answered), \
         {unnamed} RETURNs do not say of what"
    );
    let gone = format!(
        "{late} late replies, {not_one} of {} not told once, p99 from SIGKILL to GONE {}",
        rounds * CLIENTS,
        millis(p99)
    );
    let told = late == 0 && not_one == 0 && p99 < Duration::from_millis(50);
    vec![
        Line::new(
            "RETURN means not processed",
            fault.clone(),
            figure,
            "0, and some returned",
            wrong == 0 && returned > 0,
        ),
        Line::new("GONE last and once", fault, gone, "0, 0, < 50 ms", told),
    ]
}

/// Returns what the clients saw, when the service was killed, and what it had begun by then.
fn one_round(muxd: &Muxd, clients: &mut [Raw], round: usize) -> (Vec<Seen>, Instant, HashSet<u64>) {
    let mut service = start_service(muxd.services(), NAME);
    let mut told = service.stdout.take().expect("a pipe");
    assert_eq!(next(&mut told), Some(READY));
    thread::scope(|scope| {
        let clients: Vec<_> = clients
            .iter_mut()
            .enumerate()
            .map(|(number, client)| {
                // So that each has an admitted message, however early the service ends.
                client.send(&request(NUDGE, b""));
                assert_eq!(client.receive()[1], NUDGE.to_be_bytes());
                let base = ((round * CLIENTS + number) as u64) << 16;
                scope.spawn(move || load(client, base))
            })
            .collect();
        let mut by_service = HashSet::new();
        let enough = CLIENTS + 10 + round * 37 % 200;
        for _ in 0..enough {
            by_service.insert(next(&mut told).expect("it serves"));
        }
        let killed = Instant::now();
        service.kill().expect("it runs");
        by_service.extend(std::iter::from_fn(|| next(&mut told)));
        by_service.remove(&NUDGE);
        service.wait().expect("a child of ours");
        let seen = clients.into_iter().map(|client| client.join().expect("a client")).collect();
        (seen, killed, by_service)
    })
}

/// What clients of any broker learn of their requests when the service is killed.
#[derive(Debug, Default)]
struct Told {
    answered: usize,
    returned: usize,
    /// GONE says that they may have been processed or not.
    in_doubt: usize,
    /// Nobody says anything of them.
    silent: usize,
}

/// Kills a service in each round, under another name, and waits until nothing more comes.
pub(crate) fn beside(broker: &Muxd, join: Join) -> String {
    let mut all = Told::default();
    for round in 0..ROUNDS_BESIDE {
        let name = format!("{NAME}{round}");
        let mut service = start_service(broker.services(), &name);
        let mut stdout = service.stdout.take().expect("a pipe");
        assert_eq!(next(&mut stdout), Some(READY));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (raw, name) = (join(broker.clients()), name.clone());
                thread::spawn(move || told(raw, &name))
            })
            .collect();
        for _ in 0..100 {
            let _ = next(&mut stdout);
        }
        service.kill().expect("it runs");
        service.wait().expect("a child of ours");
        for client in clients {
            let Told { answered, returned, in_doubt, silent } = client.join().expect("a client");
            all.answered += answered;
            all.returned += returned;
            all.in_doubt += in_doubt;
            all.silent += silent;
        }
    }
    let Told { answered, returned, in_doubt, silent } = all;
    format!(
        "{silent} of {} lost in silence ({answered} answered, {returned} came back, {in_doubt} in doubt)",
        answered + returned + in_doubt + silent
    )
}

/// Sends all requests of a round and reads until nothing more comes.
fn told(mut raw: Raw, name: &str) -> Told {
    raw.limit_sending(SILENCE);
    let body = vec![b'x'; BODY_LEN];
    let mut told = Told::default();
    let ask = |number: u64| message(&[name.as_bytes(), &number.to_be_bytes(), &body]);
    let sent = (0..REQUESTS).take_while(|number| raw.try_send(&ask(*number)).is_ok()).count();
    let mut is_gone = false;
    while let Ok(frames) = raw.try_receive(SILENCE) {
        match notice::kind(&frames) {
            None => told.answered += 1,
            Some(notice::RETURN) => told.returned += 1,
            kind => is_gone |= kind == Some(notice::GONE),
        }
    }
    let left = sent - told.answered - told.returned;
    (told.in_doubt, told.silent) = if is_gone { (left, 0) } else { (0, left) };
    told
}

fn start_service(url: &str, name: &str) -> Child {
    let program = std::env::current_exe().expect("the path of this program");
    let mut command = Command::new(program);
    command.args([SERVICE, url, name]).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().expect("this program starts")
}

/// Sends all requests of a round and reads until the end of the service, and what stands behind it.
fn load(client: &mut Raw, base: u64) -> Seen {
    let body = vec![b'x'; BODY_LEN];
    for number in 0..REQUESTS {
        client.send(&request(base + number, &body));
    }
    let mut seen = Seen::default();
    loop {
        let frames = client.receive();
        match notice::kind(&frames) {
            None if seen.gones.is_empty() => {
                seen.answered.insert(number_in(&frames[1]));
            }
            None => seen.late += 1,
            Some(notice::RETURN) => match frames.get(3) {
                Some(number) => {
                    seen.returned.insert(number_in(number));
                }
                None => seen.unnamed += 1,
            },
            Some(notice::GONE) => {
                seen.gones.push(Instant::now());
                // Its answer stands behind all that is still to come.
                client.send(&notice::hello());
            }
            Some(_) => return seen,
        }
    }
}

fn request(number: u64, body: &[u8]) -> Vec<u8> {
    message(&[NAME.as_bytes(), &number.to_be_bytes(), body])
}

fn number_in(frame: &[u8]) -> u64 {
    u64::from_be_bytes(frame.try_into().expect("a number"))
}

fn next(told: &mut impl Read) -> Option<u64> {
    let mut octets = [0; 8];
    told.read_exact(&mut octets).ok()?;
    Some(u64::from_be_bytes(octets))
}

const NAME: &str = "engine";
const CLIENTS: usize = 4;

/// In each round, for each client. All of them are more than the kernel keeps for the service.
const REQUESTS: u64 = 150;
const BODY_LEN: usize = 20_000;

/// Rounds with each broker, and after how much of it nothing more is expected.
const ROUNDS_BESIDE: usize = 3;
const SILENCE: Duration = Duration::from_secs(3);

const WORK: Duration = Duration::from_micros(200);

/// Says that the service is in.
const READY: u64 = u64::MAX;
/// A request outside the count.
const NUDGE: u64 = u64::MAX - 1;
