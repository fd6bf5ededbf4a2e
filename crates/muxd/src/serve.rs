//! Serving until a signal says to end.

use std::io::{self, Write};
use std::time::Instant;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tracing::{info, warn};
use zmtp_mux::{Endpoint, Listen, ListenerRole, Mux, MuxConfig};

use crate::acl::Rules;
use crate::args::{Purpose, Reach};
use crate::failure::Failure;
use crate::listener::collide;
use crate::losses::{Losses, TICK};
use crate::origin::{ACL, Origins};
use crate::plan::Plan;
use crate::security::Security;
use crate::shards::Shards;
use crate::{log, resources};

/// Serves as planned, until SIGTERM or SIGINT; or only sees whether that could be done.
pub(crate) fn run(plan: Plan) -> Result<(), Failure> {
    let Plan { purpose, listeners, threads, reach, guard, acl, config, origins, log: _ } = plan;
    let security = Security::load(&guard, reach, &origins)?;
    let (mut rules, authorizer) =
        Rules::load(acl).map_err(|error| Failure::File(origins.of(ACL), error))?;
    refuse_twice(&listeners, &origins)?;
    // Rules or not: they authenticate nobody, and those for everybody hold for every stranger.
    // spec: mux:acl:authenticates-nobody
    if reach == Reach::Loopback && !security.authenticates() {
        refuse_open(&listeners, &origins)?;
    }
    warn_of_nobody(&listeners);
    // spec: mux:config:check
    if purpose == Purpose::Check {
        return Ok(say("ok")?);
    }
    security.announce(&listeners);
    rules.announce(&security);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let shards = Shards::start(threads, &runtime)?;
    let config = MuxConfig { shards: shards.handles(), authorizer, ..config.mux(resources::fit) };
    runtime.block_on(async {
        let mux = Mux::new(config)?;
        let mut signals = Signals::new()?;
        for listen in listeners {
            let role = listen.role.name();
            let endpoint = mux.bind(security.over(listen))?;
            say(&format!("listening {role} {endpoint}"))?;
        }
        say("ready")?;
        let name = signals.end(&mux, &mut rules).await;
        info!("{name}: ending");
        end(&mux, &mut signals, &mut rules).await;
        signals.losses.tell_all(&mux, Instant::now());
        log::counters(&[&rules, &mux]);
        Ok(())
    })
}

/// Warns where one side has no place to connect to: naming any listener replaces both usual ones.
fn warn_of_nobody(listeners: &[Listen]) {
    for (role, missing) in
        [(ListenerRole::Clients, "clients"), (ListenerRole::Services, "services")]
    {
        if !listeners.iter().any(|listen| [role, ListenerRole::Any].contains(&listen.role)) {
            warn!("no listener for {missing}: they cannot connect");
        }
    }
}

/// Refuses two listeners of which the second could never be listened on.
// spec: mux:config:listeners
fn refuse_twice(listeners: &[Listen], origins: &Origins) -> Result<(), Failure> {
    for (place, Listen { endpoint, .. }) in listeners.iter().enumerate() {
        let mut earlier = listeners.iter().take(place).map(|listen| &listen.endpoint);
        if let Some(other) = earlier.find(|other| collide(other, endpoint)) {
            let origin = origins.of_listener(place);
            return Err(Failure::Twice(origin, endpoint.to_string(), other.to_string()));
        }
    }
    Ok(())
}

/// Refuses a listener that other machines can reach.
// spec: mux:listen:loopback-unless-open
fn refuse_open(listeners: &[Listen], origins: &Origins) -> Result<(), Failure> {
    for (place, Listen { endpoint, .. }) in listeners.iter().enumerate() {
        match endpoint.is_local() {
            Ok(true) => {}
            Ok(false) => {
                return Err(Failure::NotOpen(origins.of_listener(place), endpoint.to_string()));
            }
            Err(error) => return Err(unresolved(endpoint, &error)),
        }
    }
    Ok(())
}

fn unresolved(endpoint: &Endpoint, error: &io::Error) -> Failure {
    io::Error::new(error.kind(), format!("cannot resolve {endpoint}: {error}")).into()
}

/// The signals that concern the daemon, and what it does meanwhile.
struct Signals {
    losses: Losses,
    tick: Interval,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    report: tokio::signal::unix::Signal,
    reload: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            losses: Losses::new(),
            tick,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            report: signal(SignalKind::user_defined1())?,
            reload: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal to end; meanwhile reports counters and reads rules again when asked, and
    /// says what is lost.
    async fn end(&mut self, mux: &Mux, rules: &mut Rules) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.report.recv() => log::counters(&[rules, mux]),
                _ = self.reload.recv() => rules.reload(mux).await,
                now = self.tick.tick() => self.losses.tell(mux, now.into_std()),
            }
        }
    }
}

/// Ends in order; a second signal ends at once.
// spec: mux:end:second-signal
async fn end(mux: &Mux, signals: &mut Signals, rules: &mut Rules) {
    tokio::select! {
        () = mux.end() => {}
        name = signals.end(mux, rules) => warn!("{name}: ending at once"),
    }
}

/// Says a line on standard output, which others wait for.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
