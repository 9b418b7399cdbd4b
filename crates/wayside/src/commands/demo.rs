//! `demo`: the main job on a backend and clients of our own, until stopped.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wayside_examples::clients::Tally;
use wayside_transport::client_tls::{ClientTls, UpstreamTrust};
use wayside_transport::dial::{Dialer, Upstream};

use crate::args::{ClientsArgs, DemoArgs, Everywhere};
use crate::commands::record::{Stopping, announce, runtime};
use crate::commands::{clients, exchanges};
use crate::config;
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::wire::{Wired, told};

/// Runs the demo.
pub fn run(
    everywhere: &Everywhere,
    args: &DemoArgs,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let settings =
        config::resolve(everywhere, &args.settings, None, &config::environment)?.settings()?;
    let data = settings.location();
    runtime()?.block_on(async {
        let mut stopping = Stopping::listen()?;
        let shop = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let upstream = Upstream::parse(&format!("http://{}", shop.local_addr()?))?;
        let (stop_shop, shop_stops) = watch::channel(false);
        let mut helpers = JoinSet::new();
        helpers.spawn(wayside_examples::shop::serve(shop, told(shop_stops)));
        let wired = Wired::start(&settings, &upstream)?;
        announce(&wired, &settings, &upstream, printer)?;
        printer.say(
            "five clients are shopping: acme-mobile is well, globex-batch is slow, initech-sync \
             fails, hooli-poller polls, umbrella-web changes its token\n\
             this is their traffic; meanwhile, in another terminal: wayside clients",
        );
        let (stop_clients, clients_stop) = watch::channel(false);
        let mut shoppers = JoinSet::new();
        shoppers.spawn(shopping(&settings.data, &wired, clients_stop)?);
        let limit = args.duration.unwrap_or(Duration::MAX);
        let seen = tokio::select! {
            () = stopping.asked() => Ok(Exit::Done),
            () = sleep(limit) => Ok(Exit::Done),
            seen = exchanges::tail(&data, printer), if settings.record => seen,
        };
        stop_clients.send_replace(true);
        let tallies = shoppers.join_all().await.concat();
        let drained = wired.stop(settings.drain, std::future::pending()).await?;
        stop_shop.send_replace(true);
        helpers.join_all().await;
        seen?;
        let count = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
        printer.say(format!(
            "\n{} clients got {} answers, {} of them errors; {} requests had none\n",
            tallies.len(),
            count(|tally| tally.answered),
            count(|tally| tally.errors),
            count(|tally| tally.failed)
        ));
        if settings.record {
            let all = ClientsArgs::default();
            clients::run(all, &data, settings.thresholds.clone(), printer).await?;
            printer.flush()?;
        }
        let data = settings.data.display();
        printer.say(format!(
            "\nrecorded in {data}; now try:\n\
             \x20 wayside outliers --data {data}\n\
             \x20 wayside findings --data {data}\n\
             \x20 wayside sessions --data {data}\n\
             \x20 wayside exchanges --data {data} 'status:>=500'"
        ));
        Ok(if drained { Exit::Done } else { Exit::Failed })
    })
}

/// The five clients, which trust our CA and nobody else's.
fn shopping(
    data: &std::path::Path,
    wired: &Wired,
    stops: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = Vec<Tally>> + use<>> {
    let trust = UpstreamTrust::Authority(data.join("keys").join("ca.pem"));
    let proxy = format!("https://localhost:{}", wired.listening.port());
    let dialer = Dialer::new(
        Upstream::parse(&proxy)?,
        Some(ClientTls::new(&trust)?),
        Duration::from_secs(5),
    )?;
    let host = format!("localhost:{}", wired.listening.port());
    Ok(async move {
        let dial = || async {
            let dialled = dialer.dial_http1().await.map_err(std::io::Error::other)?;
            Ok(dialled.stream)
        };
        // It carries five clients' state, too much for the stack of whoever awaits it.
        Box::pin(wayside_examples::clients::run(&host, dial, told(stops))).await
    })
}

async fn sleep(limit: Duration) {
    if limit == Duration::MAX {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(limit).await;
}
