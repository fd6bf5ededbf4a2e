//! CURVE and access rules: only who holds a listed key comes in, and only one of them may be the
//! service.
//!
//! `cargo run -p zmtp-mux --example secure`

use zmtp_mux::{
    Admittance, AllowIf, Client, Deed, Listen, ListenerRole, Mux, MuxConfig, Principal, Service,
    generate_keys,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In earnest each of them makes its own, and gives away the public half.
    let (server, engine, user, stranger) =
        (generate_keys()?, generate_keys()?, generate_keys()?, generate_keys()?);
    let (public, engines) = (server.public, Principal::Key(engine.public));

    let rules = AllowIf::new(move |who, deed| match deed {
        Deed::Claim { name, .. } => *who == engines && name.starts_with(b"engine."),
        Deed::Send { .. } => true,
        Deed::Watch { .. } | _ => false,
    });
    let mux = Mux::new(MuxConfig::default().with_authorizer(rules))?;
    let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?);
    let known = Admittance::keys([engine.public, user.public]);
    let endpoint = mux.bind(listen.curve_server(server, known))?;

    let service = Service::builder(endpoint.clone(), "engine.7").curve_client(public, engine);
    let service = service.connect().await?;
    tokio::spawn(async move {
        while let Ok(request) = service.recv().await {
            let answer = request.message();
            let _ = request.reply(answer).await;
        }
    });

    let client = Client::builder(endpoint.clone()).curve_client(public, user).connect().await?;
    println!("the user: {:?}", client.request("engine.7", "hello").await?);
    match Client::builder(endpoint).curve_client(public, stranger).connect().await {
        Ok(_) => println!("the stranger is in"),
        Err(error) => println!("the stranger: {error}"),
    }
    mux.end().await;
    Ok(())
}
