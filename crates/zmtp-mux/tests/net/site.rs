//! A MUX that can be killed, and a wire that can be cut.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, spawn_blocking};
use zmtp_mux::{Endpoint, Listen, ListenerRole, Mux, MuxConfig, Reconnect};

/// A MUX on a runtime of its own, at an address that it keeps when it is killed.
pub(crate) struct Site {
    config: MuxConfig,
    pub(crate) endpoint: Endpoint,
    running: Option<(Runtime, Mux)>,
}

impl Site {
    pub(crate) fn new(config: MuxConfig) -> Self {
        let endpoint = "tcp://127.0.0.1:0".parse().unwrap();
        let mut site = Self { config, endpoint, running: None };
        site.start();
        site
    }

    fn start(&mut self) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mux = Mux::new(self.config.clone()).unwrap();
        let entered = runtime.enter();
        let listen = Listen::new(ListenerRole::Any, self.endpoint.clone());
        self.endpoint = mux.bind(listen).unwrap();
        drop(entered);
        self.running = Some((runtime, mux));
    }

    /// Ends it without a word, and starts another at once.
    pub(crate) async fn kill(&mut self) {
        self.stop().await;
        self.start();
    }

    /// Ends it without a word.
    pub(crate) async fn stop(&mut self) {
        let (runtime, _) = self.running.take().unwrap();
        // All its tasks are gone when this returns, and all its sockets with them.
        let killing = spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)));
        killing.await.unwrap();
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some((runtime, _)) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

/// A wire to a MUX.
pub(crate) struct Wire {
    pub(crate) endpoint: Endpoint,
    strands: Arc<Mutex<JoinSet<()>>>,
}

impl Wire {
    pub(crate) async fn to(endpoint: &Endpoint) -> Self {
        let far = endpoint.to_string().strip_prefix("tcp://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = format!("tcp://{}", listener.local_addr().unwrap());
        let strands = Arc::<Mutex<JoinSet<()>>>::default();
        let spun = Arc::clone(&strands);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let far = far.clone();
                spun.lock().unwrap().spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(far).await {
                        drop(copy_bidirectional(&mut near, &mut far).await);
                    }
                });
            }
        });
        Self { endpoint: near.parse().unwrap(), strands }
    }

    /// Ends all connections that go through it, with what is on its way.
    pub(crate) fn cut(&self) {
        self.strands.lock().unwrap().abort_all();
    }
}

/// Comes back at once.
pub(crate) fn soon_again() -> Reconnect {
    Reconnect::Backoff { first: Duration::from_millis(10), max: Duration::from_millis(20) }
}
