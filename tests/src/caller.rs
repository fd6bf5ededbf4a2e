//! A [`Dealer`] of ours that a test without a runtime can use.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zmtp_mux::{Dealer, DealerError, DealerOptions, Message};

use crate::DEADLINE;
use crate::local::runtime;
use crate::peers::Frames;

/// A connected dealer whose task reads all the time, so that it is alive for its peer.
#[derive(Debug)]
pub struct Caller {
    requests: UnboundedSender<Message>,
    arrived: Receiver<Result<Message, DealerError>>,
    // Last, so that the task ends with everything else.
    _runtime: Runtime,
}

impl Caller {
    /// Dials once.
    ///
    /// # Errors
    ///
    /// Those of [`Dealer::connect_with`].
    pub fn connect(url: &str, options: &DealerOptions) -> Result<Self, DealerError> {
        let endpoint = url.parse().expect("a URL that libzmq gave");
        let runtime = runtime();
        let dealer = runtime.block_on(Dealer::connect_with(&endpoint, options))?;
        let (requests, to_send) = unbounded_channel();
        let (sender, arrived) = channel();
        runtime.spawn(serve(dealer, to_send, sender));
        Ok(Self { requests, arrived, _runtime: runtime })
    }

    /// Sends a message of these frames.
    pub fn send<T: AsRef<[u8]>>(&self, frames: &[T]) {
        let message = Message::from_frames(frames).expect("a frame");
        self.requests.send(message).expect("a connection");
    }

    /// Receives the next message.
    #[must_use]
    pub fn receive(&self) -> Frames {
        let arrived = self.arrived.recv_timeout(DEADLINE).expect("a message in time");
        arrived.expect("a connection").frames().map(<[u8]>::to_vec).collect()
    }

    /// Says that neither a message nor the end comes for so long.
    pub fn expect_nothing(&self, within: Duration) {
        match self.arrived.recv_timeout(within) {
            Err(RecvTimeoutError::Timeout) => {}
            other => panic!("{other:?}"),
        }
    }

    /// Waits for the end of the connection and returns why.
    #[must_use]
    pub fn end(&self) -> DealerError {
        let arrived = self.arrived.recv_timeout(DEADLINE).expect("the end in time");
        arrived.expect_err("no message")
    }
}

async fn serve(
    dealer: Dealer,
    mut to_send: UnboundedReceiver<Message>,
    arrived: Sender<Result<Message, DealerError>>,
) {
    loop {
        let outcome = tokio::select! {
            message = to_send.recv() => match message {
                Some(message) => dealer.send(message).await.map(|()| None).map_err(DealerError::from),
                None => return,
            },
            message = dealer.recv() => message.map(Some),
        };
        let ended = outcome.is_err();
        if let Some(outcome) = outcome.transpose()
            && arrived.send(outcome).is_err()
        {
            return;
        }
        if ended {
            return;
        }
    }
}
