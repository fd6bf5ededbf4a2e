//! Names that are claimed twice each, at once: one holder, and requests reach that alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;
use zmtp_mux::{Dealer, Endpoint, Message};
use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{Counters, DEADLINE, notice};

use crate::line::Line;
use crate::{Scale, yard};

/// What those see who claim names.
#[derive(Debug, Default)]
struct Claims {
    /// For each name, the claims that have it.
    holders: Mutex<HashMap<usize, Vec<usize>>>,
    /// How often a connection was closed before it had the name.
    closed: AtomicUsize,
    /// And after that, since the holder was silent for two seconds.
    lost: AtomicUsize,
    /// Who is refused from here on does not come again.
    is_over: AtomicBool,
}

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let names = scale.pick(300, 5000);
    let all = i64::try_from(names).expect("a count");
    let muxd = yard::start();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let url: Endpoint = muxd.services().parse().unwrap();
    let claims = Arc::new(Claims::default());
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for claim in 0..2 * names {
        let (url, claims) = (url.clone(), Arc::clone(&claims));
        let pause = Duration::from_secs_f64(claim as f64 / (2 * names) as f64);
        // Two of a name are far apart in some, and together in others.
        let name = if claim % 2 == 0 { claim / 2 } else { (claim / 2 + claim % 7) % names };
        tasks.spawn_on(
            async move {
                tokio::time::sleep(pause).await;
                claims.claim_and_serve(&url, name, claim).await;
            },
            runtime.handle(),
        );
    }
    while claims.names() < names && began.elapsed() < DEADLINE {
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = began.elapsed();
    claims.is_over.store(true, Ordering::Relaxed);
    let counters = muxd.wait_counters("the losers' end", |counters| {
        counters.of("connections") <= all && claims.is_settled(counters)
    });
    let holders = claims.holders.lock().unwrap().clone();
    let (reached, wrong) = ask_all(muxd.clients(), names, &holders);
    let overlaps = holders.values().filter(|claims| claims.len() > 1).count();
    runtime.block_on(async { tasks.shutdown().await });
    yard::end(muxd);
    let [closed, made_way] = ["ended_name_held", "ended_made_way"].map(|name| counters.of(name));
    let lost = claims.lost.load(Ordering::Relaxed);
    let figure = format!(
        "{overlaps} with two holders, {reached} of {names} reach one, {wrong} another, all within \
         {:.1} s; {} duplicates counted, {closed} closed, {made_way} more made way in the handshake, \
         {lost} silent ones lost theirs",
        took.as_secs_f64(),
        counters.of("duplicates"),
    );
    let kept = overlaps == 0
        && wrong == 0
        && reached == names
        && closed >= all - made_way
        && counters.of("duplicates") == closed + counters.of("duplicates_granted")
        && took < Duration::from_secs(10);
    if !kept {
        // How they ended says why.
        let ends = counters.names().filter(|name| name.starts_with("ended_"));
        for name in ends.filter(|name| counters.of(name) > 0) {
            eprintln!("{name} {}", counters.of(name));
        }
    }
    let fault = format!("{names} names claimed twice each in a second");
    let goal = "0 overlaps, each served within 10 s, all losers closed and counted";
    vec![Line::new("one holder", fault, figure, goal, kept)]
}

impl Claims {
    /// Claims a name again and again, as a stock peer does, and answers every request with the number
    /// of the claim while it has it.
    async fn claim_and_serve(&self, url: &Endpoint, name: usize, claim: usize) {
        loop {
            match Dealer::connect(url, format!("n{name}")).await {
                Ok(dealer) => {
                    self.change(name, |holders| holders.push(claim));
                    serve(&dealer, claim).await;
                    self.change(name, |holders| holders.retain(|other| *other != claim));
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => drop(self.closed.fetch_add(1, Ordering::Relaxed)),
            }
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    fn change(&self, name: usize, change: impl FnOnce(&mut Vec<usize>)) {
        change(self.holders.lock().unwrap().entry(name).or_default());
    }

    /// Returns how many names are held.
    fn names(&self) -> usize {
        self.holders.lock().unwrap().values().filter(|holders| !holders.is_empty()).count()
    }

    /// Tells whether every end that was counted was seen, and the other way round.
    fn is_settled(&self, counters: &Counters) -> bool {
        let ends = counters.names().filter(|name| name.starts_with("ended_"));
        let ended: i64 = ends.map(|name| counters.of(name)).sum();
        let seen = self.closed.load(Ordering::Relaxed) + self.lost.load(Ordering::Relaxed);
        i64::try_from(seen) == Ok(ended)
    }
}

/// Answers every request with the number of the claim until the connection ends.
async fn serve(dealer: &Dealer, claim: usize) {
    while let Ok(request) = dealer.recv().await {
        let client = request.frames().next().unwrap_or_default();
        let answer = Message::from_frames([client, claim.to_string().as_bytes()]).unwrap();
        if dealer.send(answer).await.is_err() {
            return;
        }
    }
}

/// Returns how many names are answered once, by the one that has them, and how many otherwise.
fn ask_all(clients: &str, names: usize, holders: &HashMap<usize, Vec<usize>>) -> (usize, usize) {
    let mut client = notice::opted_in(clients);
    let (mut reached, mut wrong) = (0, 0);
    for name in 0..names {
        let text = format!("n{name}");
        client.send(&message(&[text.as_bytes(), b"who"]));
        let frames = client.receive();
        if notice::kind(&frames).is_some() {
            // Nobody has it.
            continue;
        }
        let claim: usize = String::from_utf8_lossy(&frames[1]).parse().expect("a number");
        if frames[0] == text.as_bytes() && holders.get(&name) == Some(&vec![claim]) {
            reached += 1;
        } else {
            wrong += 1;
        }
    }
    (reached, wrong)
}

/// What libzmq waits before it comes again.
const RECONNECT: Duration = Duration::from_millis(100);
