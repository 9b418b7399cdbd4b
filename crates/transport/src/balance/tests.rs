//! Connections over workers, and their limits.

use super::*;
use crate::listen::Bound;

async fn connection() -> TcpStream {
    let listener = Bound::bind("127.0.0.1:0").unwrap().serve().unwrap();
    let (client, (server, _)) =
        tokio::join!(TcpStream::connect(listener.address()), listener.accept());
    client.unwrap();
    server
}

fn from(client: &str) -> SocketAddr {
    SocketAddr::new(client.parse().unwrap(), 50_000)
}

async fn place(spread: &Spread, here: usize, client: &str) -> Result<Placement, LimitReached> {
    spread.place(here, connection().await, from(client), Whose::Peer)
}

#[tokio::test]
async fn connections_accepted_by_one_worker_spread_over_all() {
    let (spread, mut inboxes) = Spread::new(4, ConnectionLimits::default());
    let mut placed = Vec::new();
    for _ in 0..8 {
        match place(&spread, 0, "192.0.2.1").await.unwrap() {
            Placement::Here(connection) => placed.push(connection),
            Placement::HandedTo(worker) => {
                let connection = inboxes[worker].next().await.unwrap();
                assert_eq!(connection.peer_addr, from("192.0.2.1"));
                assert_eq!(connection.guard.worker(), worker);
                placed.push(connection);
            }
        }
    }
    assert_eq!(spread.open(), [2, 2, 2, 2]);
    drop(placed);
    assert_eq!(spread.open(), [0, 0, 0, 0]);
}

#[tokio::test]
async fn a_worker_keeps_what_it_accepts_while_no_other_has_less() {
    let (spread, _inboxes) = Spread::new(2, ConnectionLimits::default());
    for (here, open) in [(1, [0, 1]), (0, [1, 1]), (0, [2, 1]), (1, [2, 2])] {
        let placement = place(&spread, here, "192.0.2.1").await.unwrap();
        let Placement::Here(placed) = placement else { panic!("handed over at {open:?}") };
        std::mem::forget(placed);
        assert_eq!(spread.open(), open);
    }
}

#[tokio::test]
async fn a_handed_over_connection_still_carries_bytes() {
    let listener = Bound::bind("127.0.0.1:0").unwrap().serve().unwrap();
    let mut client = TcpStream::connect(listener.address()).await.unwrap();
    let (accepted, address) = listener.accept().await;
    let (spread, mut inboxes) = Spread::new(2, ConnectionLimits::default());
    let _first = place(&spread, 0, "192.0.2.1").await.unwrap();
    let placement = spread.place(0, accepted, address, Whose::Peer).unwrap();
    assert!(matches!(placement, Placement::HandedTo(1)));

    let mut inbox = inboxes.remove(1);
    let other_worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let mut placed = inbox.next().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut placed.stream, b"hello").await.unwrap();
        });
    });
    let mut read = [0; 5];
    tokio::io::AsyncReadExt::read_exact(&mut client, &mut read).await.unwrap();
    assert_eq!(&read, b"hello");
    other_worker.join().unwrap();
}

#[tokio::test]
async fn one_address_may_hold_only_so_many_connections() {
    let limits = ConnectionLimits { total: 100, per_address: 2 };
    let (spread, _inboxes) = Spread::new(1, limits);
    let first = place(&spread, 0, "192.0.2.1").await.unwrap();
    // The same client through a socket that speaks both families.
    let _second = place(&spread, 0, "::ffff:192.0.2.1").await.unwrap();
    let refused = place(&spread, 0, "192.0.2.1").await.unwrap_err();
    assert_eq!((refused.limit, refused.allowed), ("--max-connections-per-address", 2));
    assert_eq!(
        refused.to_string(),
        "refused a connection from `192.0.2.1`: limit `--max-connections-per-address` (2) reached"
    );
    let _other = place(&spread, 0, "192.0.2.2").await.unwrap();
    drop(first);
    place(&spread, 0, "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn what_a_proxy_passes_on_counts_for_the_client_alone_once_that_is_known() {
    let limits = ConnectionLimits { total: 100, per_address: 1 };
    let (spread, _inboxes) = Spread::new(1, limits);
    let passed = async || {
        let socket = connection().await;
        match spread.place(0, socket, from("192.0.2.1"), Whose::Unknown).unwrap() {
            Placement::Here(placed) => placed,
            Placement::HandedTo(_) => panic!("there is but one worker"),
        }
    };
    let (mut first, mut second, mut third) = (passed().await, passed().await, passed().await);
    first.guard.turns_out(from("198.51.100.7")).unwrap();
    second.guard.turns_out(from("198.51.100.8")).unwrap();
    let refused = third.guard.turns_out(from("198.51.100.7")).unwrap_err();
    assert_eq!(refused.limit, "--max-connections-per-address");
    drop(third);
    let _own = place(&spread, 0, "192.0.2.1").await.unwrap();
    place(&spread, 0, "198.51.100.8").await.unwrap_err();
    drop(first);
    place(&spread, 0, "198.51.100.7").await.unwrap();
}

#[tokio::test]
async fn all_addresses_together_may_hold_only_so_many_connections() {
    let limits = ConnectionLimits { total: 2, per_address: 2 };
    let (spread, _inboxes) = Spread::new(1, limits);
    let first = place(&spread, 0, "192.0.2.1").await.unwrap();
    let _second = place(&spread, 0, "192.0.2.2").await.unwrap();
    let refused = place(&spread, 0, "192.0.2.3").await.unwrap_err();
    assert_eq!((refused.limit, refused.allowed), ("--max-connections", 2));
    drop(first);
    place(&spread, 0, "192.0.2.3").await.unwrap();
}
