//! A small SOCKS 5 proxy that knows one name, and an echo behind it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// What the proxy knows.
#[derive(Clone, Copy)]
pub(super) struct Server {
    /// Who is let in; anybody, without asking, if nobody is named.
    pub(super) user: Option<(&'static str, &'static str)>,
    /// The one name that it resolves.
    pub(super) name: &'static str,
    /// Its address.
    pub(super) target: SocketAddr,
}

impl Server {
    /// Serves until the runtime ends, and returns where.
    pub(super) async fn start(self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.serve(stream));
            }
        });
        address
    }

    /// Serves one client; it fails when the client goes away.
    async fn serve(self, mut client: TcpStream) -> io::Result<()> {
        if !self.admits(&mut client).await? {
            return Ok(());
        }
        let mut head = [0; 4];
        client.read_exact(&mut head).await?;
        assert_eq!(head, [5, 1, 0, 3]);
        let name = field(&mut client).await?;
        client.read_u16().await?;
        if name != self.name.as_bytes() {
            return client.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0]).await;
        }
        let Ok(mut target) = TcpStream::connect(self.target).await else {
            return client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await;
        };
        client.write_all(&[&[5, 0, 0, 4], [0; 18].as_slice()].concat()).await?;
        copy_bidirectional(&mut client, &mut target).await.map(drop)
    }

    async fn admits(self, client: &mut TcpStream) -> io::Result<bool> {
        assert_eq!(client.read_u8().await?, 5);
        let methods = field(client).await?;
        let Some((user, password)) = self.user else {
            client.write_all(&[5, 0]).await?;
            return Ok(true);
        };
        if !methods.contains(&2) {
            client.write_all(&[5, 0xFF]).await?;
            return Ok(false);
        }
        client.write_all(&[5, 2]).await?;
        assert_eq!(client.read_u8().await?, 1);
        let told = (field(client).await?, field(client).await?);
        let right = told.0 == user.as_bytes() && told.1 == password.as_bytes();
        client.write_all(&[1, u8::from(!right)]).await?;
        Ok(right)
    }
}

/// Reads octets that follow their number.
async fn field(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut octets).await?;
    Ok(octets)
}

/// Sends everything back until the runtime ends, and returns where.
pub(super) async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                copy(&mut from, &mut to).await
            });
        }
    });
    address
}
