//! Which holder of a name a peer is.

use zmtp_proto::SocketType::Dealer;

use super::{Mux, in_as_service};
use crate::core::ListenerRole::{Clients, Services};
use crate::core::{Held, Wall};

/// mux:generation:rises, mux:generation:every-holder.
#[test]
fn every_holder_of_any_name_has_a_higher_generation_than_all_before() {
    let mut mux = Mux::new();
    let (first, one) = in_as_service(mux.introduce(Dealer, Services, b"a"));
    let (_, two) = in_as_service(mux.introduce(Dealer, Services, b"b"));
    assert_eq!((one, two), (1_000, 1_001));
    let heir = mux.hold(b"a");
    mux.close(first);
    assert_eq!(mux.held(heir), Held::Admitted { generation: 1_002 });
    // An alias takes one as well, and a client without does not.
    mux.join(Dealer, Clients, b"alias");
    mux.client();
    assert_eq!(in_as_service(mux.introduce(Dealer, Services, b"c")).1, 1_004);
    mux.wall = Wall(5);
    assert_eq!(in_as_service(mux.introduce(Dealer, Services, b"d")).1, 1_005);
    mux.wall = Wall(2_000);
    assert_eq!(in_as_service(mux.introduce(Dealer, Services, b"e")).1, 2_000);
}
