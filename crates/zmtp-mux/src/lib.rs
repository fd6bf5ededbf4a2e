//! MUX/1: one socket that routes requests by name, for many clients and many named services.
//!
//! Clients name a service, the request reaches its one live instance, the reply comes back. Both
//! sides only connect; the MUX listens. Unmodified libzmq sockets work on either side, and none
//! of it needs libzmq.
//!
//! [`Mux`] is the whole as an application runs it; its page has an example. [`core`] is the same
//! without sockets, tasks or clocks: plain data that is told what happens, for those who bring a
//! shell of their own; it changes more often than the rest. [`net`] is the shell around it.
//! Messages are kept as the octets they arrived in, and only their address frame is replaced on
//! the way.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test that overflows fails"))]

mod client;
pub mod core;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod net;
mod service;

pub use client::{
    ClientCounters, Doubt, Idempotence, RequestError, RetryBudget, RetryPolicy, UnsentReason,
    WatchError, WatchEvent,
};
pub use core::{
    Acl, AclError, AclFault, Admit, AllowAll, AllowIf, Applicant, Authorizer, Deed, DropReason,
    Event, GoneReason, Limit, ListenerRole, MuxLimits, Name, NamePolicy, Notices, Pattern,
    PeerInfo, Policy, PoolLimits, Prefix, PrefixError, Principal, Rate, ReturnReason, Role, Rule,
    Rules, Token,
};
pub use net::{
    Admittance, Authenticator, BindError, Claim, Client, ClientBuilder, Closed, ConnectError,
    Credentials, CurveIdentity, Dealer, DealerError, DealerOptions, Dial, DialError, DialSecurity,
    Endpoint, EndpointError, Events, Figure, Figures, Incoming, LinkEvent, Listen, ListenSecurity,
    Mux, MuxConfig, MuxSocket, NotSent, NotSentReason, PeerAddress, Permit, Proxy, RecvHalf,
    ReplyError, ReplyErrorReason, Request, RequestOptions, Requests, SecurityError, SendHalf,
    Service, ServiceBuilder, ServiceError, SocketConfig, SocketEvent, SocksError, To,
    TryReplyError, Verdict, Verdicting, Watch, generate_keys,
};
pub use service::{Envelopes, ServiceCounters};
pub use zmtp_proto::curve::{KeyPair, PublicKey, SecretKey};
pub use zmtp_proto::{
    ConnectionError, EmptyMessage, Heartbeat, Identity, Limits, Mechanism, Message, MessageBuilder,
    Next, Peer, PlainCredentials, PlainError, Reconnect, Retry, Rhythm, Settings, SocketType,
    TimeToLive, Version,
};
