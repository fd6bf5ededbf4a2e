//! Names that are claimed twice each, at once: one holder, and requests reach that alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::JoinSet;
use zmtp_mux::{Dealer, Endpoint, Message};
use zmtp_mux_tests::Raw;
use zmtp_mux_tests::wire::message;

use crate::line::Line;
use crate::{Scale, yard};

/// For each name, the claims that were granted, which all live to the end.
type Holders = Arc<Mutex<HashMap<usize, Vec<usize>>>>;

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let names = scale.pick(300, 5000);
    let losers = i64::try_from(names).expect("a count");
    let muxd = yard::start();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let url: Endpoint = muxd.services().parse().unwrap();
    let holders = Holders::default();
    let began = Instant::now();
    let mut claims = JoinSet::new();
    for claim in 0..2 * names {
        let (url, holders) = (url.clone(), Arc::clone(&holders));
        let pause = Duration::from_secs_f64(claim as f64 / (2 * names) as f64);
        // Two of a name are far apart in some, and together in others.
        let name = if claim % 2 == 0 { claim / 2 } else { (claim / 2 + claim % 7) % names };
        claims.spawn_on(
            async move {
                tokio::time::sleep(pause).await;
                claim_and_serve(&url, name, claim, &holders).await;
            },
            runtime.handle(),
        );
    }
    let counters = muxd.wait_counters("the losers' end", |counters| {
        counters.of("ended_name_held") + counters.of("evictions") >= losers
    });
    let took = began.elapsed();
    let (reached, wrong) = ask_all(muxd.clients(), names, &holders.lock().unwrap());
    let overlaps = holders.lock().unwrap().values().filter(|claims| claims.len() > 1).count();
    runtime.block_on(async { claims.shutdown().await });
    yard::end(muxd);
    let closed = counters.of("ended_name_held");
    let figure = format!(
        "{overlaps} with two holders, {reached} of {names} reach one, {wrong} another; {} duplicates \
         counted, {closed} closed, within {:.1} s",
        counters.of("duplicates"),
        took.as_secs_f64()
    );
    let kept = overlaps == 0
        && wrong == 0
        && reached == names
        && closed == losers
        && counters.of("duplicates") == losers;
    let fault = format!("{names} names claimed twice each in a second");
    vec![Line::new("one holder", fault, figure, "0 overlaps, all losers closed and counted", kept)]
}

/// Claims a name once; if it is granted, answers every request with the number of the claim.
async fn claim_and_serve(url: &Endpoint, name: usize, claim: usize, holders: &Holders) {
    let Ok(dealer) = Dealer::connect(url, format!("n{name}")).await else { return };
    holders.lock().unwrap().entry(name).or_default().push(claim);
    while let Ok(request) = dealer.recv().await {
        let client = request.frames().next().unwrap_or_default();
        let claim = claim.to_string();
        let answer = Message::from_frames([client, claim.as_bytes()]).unwrap();
        if dealer.send(answer).await.is_err() {
            return;
        }
    }
}

/// Returns how many names are answered once, by the one that has them, and how many otherwise.
fn ask_all(clients: &str, names: usize, holders: &HashMap<usize, Vec<usize>>) -> (usize, usize) {
    let mut client = Raw::join(clients, "DEALER", b"");
    let (mut reached, mut wrong) = (0, 0);
    for name in 0..names {
        let text = format!("n{name}");
        client.send(&message(&[text.as_bytes(), b"who"]));
        let frames = client.receive();
        let claim: usize = String::from_utf8_lossy(&frames[1]).parse().expect("a number");
        if frames[0] == text.as_bytes() && holders.get(&name) == Some(&vec![claim]) {
            reached += 1;
        } else {
            wrong += 1;
        }
    }
    (reached, wrong)
}
