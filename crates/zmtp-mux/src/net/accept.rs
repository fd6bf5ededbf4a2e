//! Accepting connections, within limits.

use std::future::{Future, pending};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::timeout;
use tracing::{Instrument, Span, debug, warn};
use zmtp_proto::curve::CookieKeys;

use crate::core::{HandshakeCost, Newcomer};
use crate::net::alarm::Alarm;
use crate::net::authenticator::PeerAddress;
use crate::net::clock::after;
use crate::net::end::End;
use crate::net::guest::Guest;
use crate::net::link::{Journal, Topic, connection_span, serve};
use crate::net::mux::{Listen, Spread};
use crate::net::security::ListenSecurity;
use crate::net::shared::Shared;
use crate::net::stream::{Acceptor, Stream};

/// For whom connections are accepted.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) shared: Arc<Shared>,
    pub(crate) spread: Arc<Spread>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) listen: Arc<Listen>,
}

/// Accepts until the task is aborted.
pub(crate) async fn run(host: Host, mut acceptor: Acceptor) {
    let Host { shared, journal, listen, .. } = &host;
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = acceptor.accept() => accepted,
            () = forget_old_cookies(&listen.security) => continue,
        };
        match accepted {
            Ok((stream, address)) => {
                admit(&host, stream, address);
                // A handshake that made way is gone only when its task has had its turn.
                yield_now().await;
            }
            Err(error) if is_of_the_connection(&error) => debug!(%error, "not accepted"),
            Err(error) => {
                shared.note_pause();
                if let Some(more) = journal.allow(Topic::Fault, PeerAddress::Unknown) {
                    warn!(%error, endpoint = %listen.endpoint, "accepting pauses{more}");
                }
                // Until a connection is gone, and with it perhaps a descriptor; another process
                // may have freed one as well.
                let _ = timeout(PAUSE_MAX, shared.emptied.notified()).await;
            }
        }
    }
}

/// Forgets a cookie key when nobody has come for as long as it may live.
async fn forget_old_cookies(security: &ListenSecurity) {
    let ListenSecurity::Curve(identity) = security else { return pending().await };
    Alarm::wait_until(after(CookieKeys::LIFE)).await;
    identity.forget_old_cookies();
}

/// Gives a connection a place and a runtime, or drops it.
fn admit(host: &Host, stream: Stream, address: Option<IpAddr>) {
    let Host { shared, spread, journal, listen } = host;
    let cost = match listen.security {
        ListenSecurity::Curve(_) => HandshakeCost::PublicKeys,
        ListenSecurity::Null | ListenSecurity::Plain => HandshakeCost::Cheap,
    };
    let newcomer = Newcomer { address, listener: listen.role, cost };
    let Some(ticket) = shared.enter(newcomer) else {
        debug!(?newcomer, "no place for a connection");
        return;
    };
    let guest = Guest::new(Arc::clone(shared), ticket);
    let (journal, listen) = (Arc::clone(journal), Arc::clone(listen));
    let span = connection_span();
    let task = match spread.next() {
        None => spawn(&Handle::current(), span, serve(guest, stream, listen, journal)),
        Some(runtime) => match stream.detach() {
            Ok(detached) => spawn(runtime, span, async move {
                match detached.attach() {
                    Ok(stream) => serve(guest, stream, listen, journal).await,
                    Err(error) => not_moved(&guest, &journal, &error),
                }
            }),
            Err(error) => {
                not_moved(&guest, &journal, &error);
                return;
            }
        },
    };
    shared.note_shaking(ticket, task.abort_handle());
}

/// Serves a connection in its span, if it has one; who wants none pays nothing for it.
fn spawn(
    runtime: &Handle,
    span: Span,
    serving: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    if span.is_disabled() {
        runtime.spawn(serving)
    } else {
        runtime.spawn(serving.instrument(span))
    }
}

/// Notes that the system did not let a connection go to another runtime.
fn not_moved(guest: &Guest, journal: &Journal, error: &io::Error) {
    if let Some(more) = journal.allow(Topic::Fault, PeerAddress::Unknown) {
        warn!(%error, "a connection could not be moved{more}");
    }
    guest.note_end(&End::Failed(error.kind()));
}

/// Tells an error of the one connection that was to be accepted from one of the whole process,
/// such as no more descriptors.
// spec: mux:limit:descriptors
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::InvalidInput
    )
}

/// How long accepting pauses at most when the system has no more to give.
const PAUSE_MAX: Duration = Duration::from_millis(100);
