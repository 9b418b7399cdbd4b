//! Five clients of the shop with five habits, as real HTTP/1.1 clients over connections that the caller dials
//! (so TLS and the proxy's address are the caller's): healthy, slow, failing, polling, and through rotated tokens.
//! Together they send some 35 requests a second, on the caller's thread, until told to stop.

mod batch;
mod client;
mod mobile;
mod poller;
mod sync;
mod web;

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use client::Client;
pub use client::Tally;

/// How long requests under way may take once the clients are told to stop.
const GRACE: Duration = Duration::from_secs(3);

/// Why a habit ends: the run is over.
#[derive(Debug)]
struct Stopped;

/// Sends the requests of all five clients to `host` (the `Host` header) over connections made by `dial`, until
/// `stop` ends. Answers under way are awaited, so that stopping looks like no failure of anyone.
pub async fn run<Dial, Dialling, Io>(
    host: &str,
    dial: Dial,
    stop: impl Future<Output = ()>,
) -> Vec<Tally>
where
    Dial: Fn() -> Dialling,
    Dialling: Future<Output = io::Result<Io>>,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (stopping, stopped) = watch::channel(false);
    let client = |name, agent| Client::new(name, agent, host, &dial, stopped.clone());
    let mut mobile = client("acme-mobile", "AcmeShop/4.2.1 (iPhone; iOS 19.3)");
    let mut batch = client("globex-batch", "python-requests/2.32.3");
    let mut sync = client("initech-sync", "initech-sync/0.9 Java/21.0.4");
    let mut poller = client("hooli-poller", "node-fetch/3.3.2");
    let mut web = client(
        "umbrella-web",
        "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0",
    );
    {
        let habits = async {
            tokio::join!(
                mobile::browse_and_buy(&mut mobile),
                batch::fetch_everything(&mut batch),
                sync::send_what_is_wrong(&mut sync),
                poller::ask_again_and_again(&mut poller),
                web::let_tokens_expire(&mut web),
            )
        };
        let end = async {
            stop.await;
            stopping.send_replace(true);
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            _ = habits => {}
            () = end => {}
        }
    }
    [mobile.tally(), batch.tally(), sync.tally(), poller.tally(), web.tally()].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn every_client_is_answered_and_only_the_failing_one_mostly_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let clients = run("shop.test", || TcpStream::connect(address), async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
        });
        let tallies = tokio::select! {
            tallies = clients => tallies,
            () = shop::serve(listener, async { let _ = stopped.await; }) => Vec::new(),
        };
        assert_eq!(tallies.len(), 5);
        for tally in tallies {
            assert!(tally.answered > 2, "{tally:?}");
            assert_eq!(tally.failed, 0, "{tally:?}");
            assert_eq!(
                tally.client == "initech-sync",
                tally.errors * 2 > tally.answered,
                "{tally:?}"
            );
        }
    }
}
