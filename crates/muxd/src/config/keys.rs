//! The keys of the configuration file. **To add a key, add a line to its table**: the rest, from
//! reading it to `--print-config`, follows from that; a test asks for one line of its own.

use std::time::Duration;

use zmtp_mux::{PoolLimits, Rate, Rule, Rules};

use crate::config::Config;
use crate::config::slot::Slot::{
    self, Count, CountOrOff, File, Level, Pool, Prefixes, Size, Small, Switch, Threads, Time,
    TimeOrOff,
};

/// A key: its name, what it is for, what its value looks like and where that goes.
#[derive(Clone, Debug)]
pub(super) struct Key<T: 'static> {
    pub(super) name: &'static str,
    pub(super) slot: Slot<T>,
    /// A sentence or two, as `--print-config` shows it.
    pub(super) about: &'static str,
}

const fn key<T>(name: &'static str, slot: Slot<T>, about: &'static str) -> Key<T> {
    Key { name, slot, about }
}

/// The keys at the beginning of a file.
#[rustfmt::skip]
pub(super) static TOP: &[Key<Config>] = &[
    key("threads", Threads(|c| &mut c.options.threads, 1..=1024), "Threads that serve connections. Unless set: half of the processors."),
    key("open", Switch(|c| &mut c.options.open), "Allows listeners that other machines can reach, and CURVE with any key."),
    key("curve_secret", File(|c| &mut c.options.curve_secret), "Asks for CURVE at every listener, with the secret key in this file. Unless set: no CURVE."),
    key("curve_clients", File(|c| &mut c.options.curve_clients), "Lets in holders of the public keys in this file. Unless set: whoever has a key, if open."),
    key("plain_users", File(|c| &mut c.options.plain_users), "Asks for PLAIN at every listener: the file has USER:PASSWORD lines. Unless set: no PLAIN."),
    key("acl", File(|c| &mut c.options.acl), "Lets peers do only what the rules in this file allow. Unless set: everything."),
    key("log", Level(|c| &mut c.options.log), "Logs this and what is more important: off, error, warn, info, debug or trace. Unless set: info."),
    key("zmtp_version", Slot::Version(|c| &mut c.version), "The version of ZMTP that is announced, 3.0 or 3.1. Peers of 3.0 know no heartbeat."),
];

/// The keys of `[limits]`.
#[rustfmt::skip]
pub(super) static LIMITS: &[Key<Config>] = &[
    key("connections", Count(|c| &mut c.limits.connections, 1..=COUNT_MAX), "Connections at once, unfinished handshakes included. Lowered to the descriptors that there are."),
    key("service_places_part", Count(|c| &mut c.limits.service_places_part, 2..=COUNT_MAX), "One part in so many of the connections is kept for listeners of services."),
    key("connections_per_ip", Count(|c| &mut c.limits.connections_per_ip, 1..=COUNT_MAX), "Connections at once from one address (IPv6: from one /64)."),
    key("handshakes_per_ip", Slot::Rate(|c| &mut c.limits.handshakes_per_ip), "How often one address may begin a handshake of CURVE: in a second, and at once after a pause."),
    key("exempt", Prefixes(|c| &mut c.exempt), "Addresses and prefixes for which no limit per address holds. Nor does one hold on ipc."),
    key("handshakes", Count(|c| &mut c.limits.handshakes, 1..=COUNT_MAX), "Unfinished handshakes at once; beyond that, old ones make way. At most half of the connections."),
    key("handshake_time", Time(|c| &mut c.link.handshake_time, TICK..=HOUR), "How long a handshake may take, without the time that the MUX takes to decide."),
    key("handshake_frame", Size(|c| &mut c.link.command_len_max, 512..=MIB), "The longest command, in the handshake and after it."),
    key("initiate_len", Size(|c| &mut c.link.initiate_len_max, 512..=MIB), "The longest INITIATE of CURVE, which is held before anybody knows who sent it."),
    key("properties", Count(|c| &mut c.link.properties_max, 2..=65_536), "Properties in the metadata of a peer."),
    key("verdict_time", Time(|c| &mut c.verdict_time, TICK..=HOUR), "How long it may take to judge a peer; then it is refused for now."),
    key("duplicates", Count(|c| &mut c.limits.duplicates, 0..=COUNT_MAX), "Services at once that wait because their name is held."),
    key("duplicate_hold", Time(|c| &mut c.limits.duplicate_hold, NONE..=HOUR), "How long such a service waits before it is closed."),
    key("message_len", Size(|c| &mut c.link.message_len_max, 1..=TIB), "The longest message, with the headers of its frames."),
    key("message_frames", Count(|c| &mut c.link.message_frames_max, 2..=COUNT_MAX), "Frames in a message."),
    key("partial_message_time", Time(|c| &mut c.link.partial_time, TICK..=DAY), "How long a message that has begun may go on without 64 KiB more of it, or its end."),
    key("destination_pool", Pool(|c| &mut c.limits.destination_pool), "What may be queued for one destination, unless a rule says otherwise."),
    key("global_pool", Pool(|c| &mut c.limits.global_pool), "What may be queued in all. By default at most a quarter of the memory, and a message for each KiB."),
    key("soft_mark", Size(|c| &mut c.limits.soft_mark, 1..=TIB), "From how many octets waiting on messages queue by their sources; more than a quarter of a pool counts as that."),
    key("unsent_mark", Size(|c| &mut c.limits.unsent_mark, 1..=MIB), "From how many octets on that the system has not sent yet it is given no more for a TCP peer (Linux)."),
    key("refusals", Slot::Rate(|c| &mut c.limits.refusals), "How often a client may be refused before it is not read for a while: in a second, and at once."),
    key("returns_unread", Count(|c| &mut c.limits.returns_unread, 1..=COUNT_MAX), "Returned messages that a client may leave unread before it is not read itself."),
    key("retry_after", Time(|c| &mut c.limits.retry_after, NONE..=HOUR), "When a message that was returned for lack of room may be sent again, as its RETURN says."),
    key("tracked_services", Count(|c| &mut c.limits.tracked, 1..=COUNT_MAX), "Services whose end a client is told of."),
    key("watches_per_peer", Count(|c| &mut c.limits.watches_per_peer, 0..=COUNT_MAX), "Patterns of names that a peer may watch."),
    key("watch_matches", Count(|c| &mut c.limits.watch_matches, 0..=COUNT_MAX), "Services that a peer is shown for that; a watch that grows beyond it is ended."),
    key("write_stall", Time(|c| &mut c.limits.write_stall, TICK..=DAY), "How long a client may accept no octet while something waits for it."),
    key("ping_interval", TimeOrOff(|c| &mut c.pulse.ping_interval, TICK..=DAY), "Silence after which a peer is sent a PING; off asks nobody."),
    key("dead_after", Time(|c| &mut c.pulse.dead_after, TICK..=DAY), "Silence after which a peer is taken for dead."),
    key("ping_ttl", Time(|c| &mut c.pulse.ping_ttl, NONE..=TTL_MAX), "What a PING promises: octets of ours within this time. 0 s promises nothing."),
    key("busy_timeout", Time(|c| &mut c.limits.busy_service, TICK..=DAY), "How long a service may be silent that has something to read."),
    key("busy_client", Time(|c| &mut c.limits.busy_client, TICK..=DAY), "How long a client may be silent that has something to read."),
    key("probe_timeout", Time(|c| &mut c.limits.probe_timeout, TICK..=HOUR), "How long the holder of a name may be silent that is asked whether it lives, since another claims the name."),
    key("name_policy", Slot::NamePolicy(|c| &mut c.limits.name_policy), "Who gets a held name: auto, as the README says; reject, the holder; takeover, the newcomer."),
    key("takeovers", Count(|c| &mut c.limits.takeovers_max, 1..=COUNT_MAX), "Takeovers of one name within takeover_window; with one more the holder keeps it."),
    key("takeover_window", Time(|c| &mut c.limits.takeover_window, TICK..=DAY), "For how long a takeover counts."),
    key("drain_time", Time(|c| &mut c.limits.drain_time, TICK..=DAY), "How long a service may take to end that said that it drains."),
    key("end_flush", Time(|c| &mut c.limits.end_flush, NONE..=DAY), "How long what is queued is still written out at the end."),
];

/// The keys of `[role]`: rules for all destinations of a role.
#[rustfmt::skip]
pub(super) static ROLES: &[Key<Rules>] = &[
    key("service", Slot::Rule(|rules| &mut rules.service), "Messages to services."),
    key("client", Slot::Rule(|rules| &mut rules.client), "Messages to clients."),
];

/// The keys of a rule: of `[role.service]`, `[role.client]` and `[[destination]]`.
#[rustfmt::skip]
pub(super) static RULE: &[Key<Rule>] = &[
    key("policy", Slot::Policy(|rule| &mut rule.policy), "What becomes of a message without room: reject, drop_newest or drop_oldest."),
    key("block_timeout", Time(|rule| &mut rule.block_timeout, NONE..=DAY), "How long one message may hold up a client; 0 s for as long as the destination lives."),
    key("max_age", TimeOrOff(|rule| &mut rule.max_age, TICK..=DAY), "How long a message may wait before it is returned, or off."),
    key("window", CountOrOff(|rule| &mut rule.window, 1..=COUNT_MAX), "Messages that a service is given ahead of its answers, or off: then all under way is in doubt at a restart."),
    key("pool", Pool(|rule| &mut rule.pool), "What may be queued for one destination. Unless set: the destination_pool of [limits]."),
];

/// The keys of a pool.
#[rustfmt::skip]
pub(super) static POOL: &[Key<PoolLimits>] = &[
    key("octets", Size(|pool| &mut pool.octets, 1..=TIB), "Octets of messages as they stand on the wire."),
    key("messages", Count(|pool| &mut pool.messages, 1..=COUNT_MAX), "Messages."),
];

/// The keys of a rate.
#[rustfmt::skip]
pub(super) static RATE: &[Key<Rate>] = &[
    key("per_second", Small(|rate| &mut rate.per_second, 1..=1_000_000_000), "How often in a second."),
    key("burst", Small(|rate| &mut rate.burst, 1..=1_000_000), "How often at once, after a pause."),
];

/// The most of anything that is counted: more than fit into a machine.
const COUNT_MAX: usize = 1 << 31;

const MIB: usize = 1 << 20;

/// The most octets; less where a process cannot address as many.
const TIB: usize = MIB.saturating_mul(MIB);

const NONE: Duration = Duration::ZERO;

/// The shortest time that means something to a timer.
const TICK: Duration = Duration::from_millis(1);

const HOUR: Duration = Duration::from_hours(1);

const DAY: Duration = Duration::from_hours(24);

/// The longest that libzmq can count.
const TTL_MAX: Duration = Duration::from_millis(65_500);
