//! A peer by hand, and a look at the counters.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::yield_now;
use zmtp_mux::{Endpoint, Mux};

use crate::soon;

pub(crate) fn counter(mux: &Mux, name: &str) -> i64 {
    mux.counters().into_iter().find(|(of, _)| *of == name).expect(name).1
}

/// Waits until a counter is as it should be.
pub(crate) async fn until(mux: &Mux, name: &str, is: impl Fn(i64) -> bool) {
    while !is(counter(mux, name)) {
        yield_now().await;
    }
}

/// A DEALER by hand: 3.`minor`, with this name, which does nothing by itself.
pub(crate) async fn raw(endpoint: &Endpoint, minor: u8, name: &str) -> TcpStream {
    let address = endpoint.to_string();
    let mut stream = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).await.unwrap();
    let mut octets = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, minor];
    octets.extend_from_slice(b"NULL");
    octets.resize(64, 0);
    let mut ready = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0".to_vec();
    ready.push(u8::try_from(name.len()).unwrap());
    ready.extend_from_slice(name.as_bytes());
    octets.extend_from_slice(&[4, u8::try_from(ready.len()).unwrap()]);
    octets.extend_from_slice(&ready);
    stream.write_all(&octets).await.unwrap();
    let mut greeting = [0; 64];
    soon(stream.read_exact(&mut greeting)).await.unwrap();
    read_frame(&mut stream).await;
    stream
}

pub(crate) async fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
    let mut header = [0; 2];
    soon(stream.read_exact(&mut header)).await.unwrap();
    let mut body = vec![0; usize::from(header[1])];
    soon(stream.read_exact(&mut body)).await.unwrap();
    body
}
