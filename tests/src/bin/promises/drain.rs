//! A service or the broker ends in order under load: each request is answered, returned, or in doubt.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use zmtp_mux_tests::wire::message;
use zmtp_mux_tests::{DEADLINE, Raw, notice};

use crate::line::Line;
use crate::polite::LOST_AFTER;
use crate::{Scale, yard};

/// Who ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    Service,
    Broker,
}

/// What became of the requests of clients.
#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    answered: usize,
    returned: usize,
    /// A GONE says that they may have been processed or not.
    in_doubt: usize,
    /// Nobody says anything of them.
    silent: usize,
    /// Requests with an outcome more than there should be.
    twice: usize,
}

pub(crate) fn row(scale: Scale) -> Vec<Line> {
    let rounds = scale.pick(2, 50);
    [(Ends::Service, "services end with DRAIN"), (Ends::Broker, "brokers end with SIGTERM")]
        .map(|(ends, what)| {
            let mut all = Outcomes::default();
            for _ in 0..rounds {
                all.add(one_round(ends));
            }
            let Outcomes { answered, returned, in_doubt, silent, twice } = all;
            let figure = format!(
                "{silent} without an outcome, {twice} with two ({answered} answered, {returned} \
                 returned, {in_doubt} in doubt)"
            );
            let kept = silent == 0 && twice == 0 && answered > 0 && returned > 0;
            let fault = format!("{rounds} {what} under load");
            Line::new("drain", fault, figure, "0, 0, and some returned", kept)
        })
        .to_vec()
}

fn one_round(ends: Ends) -> Outcomes {
    // So that requests wait in the broker too.
    let muxd = yard::start_with(yard::WINDOW);
    let service = Raw::join(muxd.services(), "DEALER", NAME);
    let serving = thread::spawn(move || serve(service, ends));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let raw = notice::opted_in(muxd.clients());
            thread::spawn(move || load(raw))
        })
        .collect();
    let told = move || {
        clients.into_iter().fold(Outcomes::default(), |mut all, client| {
            all.add(client.join().expect("a client"));
            all
        })
    };
    let all = match ends {
        Ends::Service => {
            let all = told();
            yard::end(muxd);
            all
        }
        Ends::Broker => {
            let enough = i64::try_from(DRAIN_AFTER).expect("a count");
            muxd.wait_counter("handed_over", |count| count > enough);
            yard::end(muxd);
            told()
        }
    };
    serving.join().expect("a service");
    all
}

/// Answers each request until the broker closes. If the service ends, it says so in the midst of them,
/// and closes when it has answered all that still comes.
fn serve(mut raw: Raw, ends: Ends) {
    let (mut served, mut patience) = (0, DEADLINE);
    while let Ok(request) = raw.try_receive(patience) {
        thread::sleep(WORK);
        raw.send(&message(&[&request[0], &request[1]]));
        served += 1;
        if served == DRAIN_AFTER && ends == Ends::Service {
            raw.send(&message(&[b"", &notice::header(notice::DRAIN)]));
            patience = QUIET;
        }
    }
}

/// Keeps requests open until their service is gone.
fn load(mut raw: Raw) -> Outcomes {
    raw.limit_sending(LOST_AFTER);
    let (mut sent, mut settled, mut outcomes) = (0_u64, HashSet::new(), Outcomes::default());
    let mut to_send = OPEN;
    let is_gone = loop {
        for _ in 0..std::mem::take(&mut to_send) {
            raw.send(&message(&[NAME, &sent.to_be_bytes()]));
            sent += 1;
        }
        let Ok(frames) = raw.try_receive(LOST_AFTER) else { break false };
        let number = match notice::kind(&frames) {
            None => {
                outcomes.answered += 1;
                to_send = 1;
                frames.get(1)
            }
            Some(notice::RETURN) => {
                outcomes.returned += 1;
                to_send = usize::from(frames[1][5] != DRAINING);
                frames.get(3)
            }
            Some(notice::GONE) => break true,
            Some(_) => continue,
        };
        outcomes.twice += usize::from(number.is_some_and(|number| !settled.insert(number.clone())));
    };
    let told = outcomes.answered + outcomes.returned;
    let sent = usize::try_from(sent).expect("a count");
    let left = sent.saturating_sub(told);
    outcomes.twice += told.saturating_sub(sent);
    (outcomes.in_doubt, outcomes.silent) = if is_gone { (left, 0) } else { (0, left) };
    outcomes
}

impl Outcomes {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.returned += other.returned;
        self.in_doubt += other.in_doubt;
        self.silent += other.silent;
        self.twice += other.twice;
    }
}

const NAME: &[u8] = b"engine";
const CLIENTS: usize = 4;

/// Requests that each client has open.
const OPEN: usize = 64;

/// Requests that are served before the end begins.
const DRAIN_AFTER: usize = 1000;

const WORK: Duration = Duration::from_micros(50);

/// After so long nothing more comes to a service that drains.
const QUIET: Duration = Duration::from_millis(500);

/// The reason of a RETURN since its destination ends.
const DRAINING: u8 = 5;
