//! A service in a process of its own, so that a test can kill it: `echo-service URL NAME` answers
//! every request with itself.

use std::process::ExitCode;

use zmq::{Context, Error, SocketType};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(name)) = (args.next(), args.next()) else {
        eprintln!("usage: echo-service URL NAME");
        return ExitCode::from(2);
    };
    match serve(&url, &name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-service: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(url: &str, name: &str) -> Result<(), Error> {
    let socket = Context::new().socket(SocketType::DEALER)?;
    socket.set_identity(name.as_bytes())?;
    // Nobody left to kill it: it does not stay for ever.
    socket.set_rcvtimeo(60_000)?;
    socket.connect(url)?;
    loop {
        socket.send_multipart(socket.recv_multipart(0)?, 0)?;
    }
}
