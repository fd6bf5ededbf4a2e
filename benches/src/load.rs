//! One run of the load: connect, warm up, measure, drain.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::body::STAMP_LEN;
use crate::client::{Client, Service, Shared, Supply};
use crate::counters::Instructions;
use crate::peers::{LoadError, Peers};
use crate::process::{self, Cpu};
use crate::report::LoadReport;

/// What to run.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where clients connect.
    pub clients_at: SocketAddr,
    /// Where services connect.
    pub services_at: SocketAddr,
    /// How many clients.
    pub clients: u32,
    /// How many services.
    pub services: u32,
    /// Requests each client keeps open.
    pub outstanding: u32,
    /// Octets in a body.
    pub body_len: usize,
    /// Load before the window begins.
    pub warm_up: Duration,
    /// What ends the window.
    pub window: Window,
    /// How long to wait for what is open when the window has ended.
    pub drain: Duration,
    /// The broker's process, if its CPU time is to be taken over the window.
    pub broker: Option<u32>,
    /// Whether to count the broker's user instructions.
    pub counting: Counting,
}

/// What ends the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Time.
    Time(Duration),
    /// This many answers.
    Requests(u64),
}

/// Whether hardware counters watch the broker. They slow each context switch,
/// so that times and counts are taken in different runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Times only.
    Off,
    /// User instructions, if the machine counts them.
    Instructions,
}

/// Runs the load and reports.
///
/// # Errors
///
/// When it cannot begin. What goes wrong later is in the report.
pub fn run(options: &LoadOptions) -> Result<LoadReport, LoadError> {
    if options.body_len < STAMP_LEN {
        return Err(LoadError::BodyTooShort);
    }
    let mut load = Load::connect(options)?;
    // A broker may answer READY before it has made the name known to the thread
    // that routes, so nothing is asked before that had time to happen.
    load.turns_until(Instant::now() + SETTLE, u64::MAX)?;
    load.peers.ask_all(&mut load.shared);
    load.turns_until(Instant::now() + options.warm_up, u64::MAX)?;
    let report = load.measure(options)?;
    load.shared.supply = Supply::Ended;
    load.drain(options.drain)?;
    Ok(LoadReport {
        answered: load.shared.answered,
        lost: load.peers.open(),
        errors: load.shared.tally.total(),
        tally: load.shared.tally,
        ..report
    })
}

/// A load that is connected.
#[derive(Debug)]
struct Load {
    peers: Peers,
    shared: Shared,
}

impl Load {
    fn connect(options: &LoadOptions) -> Result<Self, LoadError> {
        let services: Vec<Service> = (0..options.services).map(Service::numbered).collect();
        let names: Vec<Vec<u8>> = services.iter().map(|service| service.name.clone()).collect();
        let mut shared = Shared::new(options.body_len, services);
        let mut peers = Peers::new()?;
        peers.connect_services(options.services_at, &names, &mut shared)?;
        let client =
            |number| Client::new(number, options.clients, options.services, options.outstanding);
        let clients = (0..options.clients).map(client).collect();
        peers.connect_clients(options.clients_at, clients, &mut shared)?;
        Ok(Self { peers, shared })
    }

    /// Takes the figures between two moments under full load.
    fn measure(&mut self, options: &LoadOptions) -> Result<LoadReport, LoadError> {
        let mut instructions = match (options.counting, options.broker) {
            (Counting::Instructions, Some(pid)) => Instructions::of_process(pid),
            (Counting::Off, _) | (_, None) => None,
        };
        self.shared.latencies.clear();
        let before = self.shared.answered;
        let (broker_before, own_before) = (broker_cpu(options)?, process::own_cpu());
        let began = Instant::now();
        match options.window {
            Window::Time(time) => self.turns_until(began + time, u64::MAX)?,
            Window::Requests(count) => self.turns_until(began + WINDOW_MAX, before + count)?,
        }
        let seconds = began.elapsed().as_secs_f64();
        let (broker, own) = (broker_cpu(options)?, process::own_cpu());
        Ok(LoadReport {
            requests: self.shared.answered - before,
            seconds,
            p50_us: self.shared.latencies.quantile_us(0.5),
            p99_us: self.shared.latencies.quantile_us(0.99),
            own_cpu_s: own.saturating_sub(own_before).as_secs_f64(),
            broker_user_s: broker.user_s - broker_before.user_s,
            broker_system_s: broker.system_s - broker_before.system_s,
            instructions: instructions.as_mut().and_then(Instructions::count),
            ..LoadReport::default()
        })
    }

    /// Waits for the answers to what is open.
    fn drain(&mut self, time: Duration) -> io::Result<()> {
        let deadline = Instant::now() + time;
        while self.peers.open() > 0 && Instant::now() < deadline {
            self.peers.turn(Duration::from_millis(20), &mut self.shared)?;
        }
        Ok(())
    }

    /// Turns until the time has come or so many requests were answered.
    fn turns_until(&mut self, deadline: Instant, answered: u64) -> io::Result<()> {
        while self.shared.answered < answered {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.peers.turn(left, &mut self.shared)?;
        }
        Ok(())
    }
}

fn broker_cpu(options: &LoadOptions) -> io::Result<Cpu> {
    options.broker.map_or(Ok(Cpu::default()), process::cpu_of)
}

/// How long names may take to become known inside the broker.
const SETTLE: Duration = Duration::from_millis(200);

/// Longest window that ends by a count: a broker that loses everything must
/// not hang the run.
const WINDOW_MAX: Duration = Duration::from_mins(5);
