//! Anything at any time: every request has exactly one outcome, and what comes back was not
//! processed.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use zmtp_proto::Message;

use super::world::{OnTheWay, TIME, Ticket, World};
use crate::client::{Doubt, Outcome};
use crate::core::{CoreConfig, MuxLimits, PoolLimits, Rule, Rules};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Ask(usize),
    Forget(usize),
    Write(usize),
    Emit,
    Read,
    Deliver(usize),
    Reply(usize),
    Serve(usize),
    Stop(usize, usize),
    Connect,
    Cut(OnTheWay),
    Restart,
    Pass(u64),
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || 0..NAMES.len();
    prop_oneof![
        12 => name().prop_map(Step::Ask),
        1 => (0..4_usize).prop_map(Step::Forget),
        8 => (1..5_usize).prop_map(Step::Write),
        6 => Just(Step::Emit),
        6 => Just(Step::Read),
        6 => name().prop_map(Step::Deliver),
        8 => name().prop_map(Step::Reply),
        4 => name().prop_map(Step::Serve),
        2 => (name(), 0..60_usize).prop_map(|(name, octets)| Step::Stop(name, octets)),
        3 => Just(Step::Connect),
        1 => prop_oneof![Just(OnTheWay::Arrives), Just(OnTheWay::IsLost)].prop_map(Step::Cut),
        1 => Just(Step::Restart),
        1 => (0..20_u64).prop_map(Step::Pass),
        1 => Just(Step::Drain),
    ]
}

/// A MUX with room for as many messages of one service.
fn config(messages: usize, octets: usize) -> CoreConfig {
    let pool = PoolLimits { octets: 1 << 20, messages };
    let service = Rule { pool, ..Rule::SERVICE };
    let global_pool = PoolLimits { octets, messages: 1000 };
    let limits = MuxLimits { global_pool, ..MuxLimits::default() };
    CoreConfig { rules: Rules { service, ..Rules::default() }, ..limits.into() }
}

fn run(world: &mut World, steps: &[Step]) -> BTreeSet<Ticket> {
    let (mut tickets, mut forgotten) = (0, BTreeSet::new());
    for step in steps {
        match *step {
            Step::Ask(name) => {
                tickets += 1;
                world.ask(tickets, NAMES[name]);
            }
            Step::Forget(back) => {
                if let Some(ticket) = world.ids.keys().rev().nth(back).copied() {
                    world.forget(ticket);
                    forgotten.insert(ticket);
                }
            }
            Step::Write(count) => world.write(count),
            Step::Emit => world.emit(),
            Step::Read => world.read(),
            Step::Deliver(name) => world.deliver(NAMES[name]),
            Step::Reply(name) => world.reply(NAMES[name]),
            Step::Serve(name) => world.serve(NAMES[name]),
            Step::Stop(name, octets) => world.stop(NAMES[name], octets),
            Step::Connect => world.connect(),
            Step::Cut(on_the_way) => world.cut(on_the_way),
            Step::Restart => world.restart(),
            Step::Pass(seconds) => world.pass(Duration::from_secs(seconds)),
            Step::Drain => world.core.handle_drain(),
        }
    }
    (1..=tickets).filter(|ticket| !forgotten.contains(ticket)).collect()
}

fn check(world: &World, waited: &BTreeSet<Ticket>) {
    for (ticket, outcome) in &world.outcomes {
        match outcome {
            Outcome::Reply(reply) => {
                assert_eq!(reply, &Message::single(&ticket.to_be_bytes()));
                assert!(world.processed.contains(ticket));
            }
            Outcome::Returned { .. } | Outcome::NotSent(_) => {
                assert!(!world.processed.contains(ticket), "{ticket} is {outcome:?}");
            }
            Outcome::InDoubt(_) => {}
        }
    }
    assert!(world.outcomes.keys().eq(waited.iter()), "each has its outcome");
    assert!(world.client.holds_nothing(), "nothing is kept");
    let of = world.client.counters();
    let settled = of.replies + of.returned + of.not_sent + of.in_doubt + of.forgotten;
    assert_eq!(of.requests, settled);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// mux:client:one-outcome, mux:client:return-by-id, mux:client:return-without-frames.
    #[test]
    fn every_request_has_one_outcome_and_what_is_returned_was_not_processed(
        steps in vec(step(), 1..120),
        (messages, octets) in prop_oneof![
            Just((1000, 1 << 20)), Just((2, 1 << 20)), Just((1000, 600)), Just((1000, 3000)),
        ],
    ) {
        let mut world = World::new(config(messages, octets));
        world.connect();
        let waited = run(&mut world, &steps);
        world.pass(TIME);
        // What is on its way may still arrive, and changes nothing any more.
        world.flow();
        check(&world, &waited);
    }

    /// mux:client:one-outcome.
    #[test]
    fn nothing_is_in_doubt_while_nothing_ends(steps in vec(step(), 1..120)) {
        let mut world = World::new(config(1000, 1 << 20));
        world.connect();
        let calm: Vec<_> = steps.into_iter().filter(|step| !matches!(
            step,
            Step::Stop(..) | Step::Cut(_) | Step::Restart | Step::Pass(_) | Step::Drain
        )).collect();
        let waited = run(&mut world, &calm);
        for _ in 0..20 {
            world.flow();
        }
        check(&world, &waited);
        let in_doubt = |outcome: &&Outcome| matches!(outcome, Outcome::InDoubt(_));
        prop_assert_eq!(world.outcomes.values().find(in_doubt), None);
    }

    /// mux:client:gone-in-doubt.
    #[test]
    fn nothing_waits_for_its_time_when_services_end_and_notices_come(
        steps in vec(step(), 1..120),
    ) {
        let mut world = World::new(config(1000, 1 << 20));
        world.connect();
        let steps: Vec<_> = steps.into_iter().filter(|step| !matches!(
            step,
            Step::Pass(_) | Step::Drain
        )).collect();
        let waited = run(&mut world, &steps);
        world.connect();
        for _ in 0..20 {
            world.flow();
        }
        check(&world, &waited);
        let late = |outcome: &&Outcome| matches!(outcome, Outcome::InDoubt(Doubt::Timeout));
        prop_assert_eq!(world.outcomes.values().find(late), None);
    }
}
