//! `shop ADDR`: the shop API alone, as a backend to put Wayside in front of.

use std::env;
use std::io::{self, Write as _};
use std::process::ExitCode;

use tokio::net::TcpListener;
use wayside_examples::shop;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    match run(&address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: could not listen on `{address}`: {error}");
            ExitCode::from(3)
        }
    }
}

async fn run(address: &str) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let base = format!("http://{}", listener.local_addr()?);
    writeln!(io::stdout(), "{}", hints(&base))?;
    shop::serve(listener, stopped()).await;
    Ok(())
}

/// Ends on an interrupt; where the system cannot tell of one, the process is killed instead.
async fn stopped() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn hints(base: &str) -> String {
    format!(
        "the shop listens on {base}; try

  curl '{base}/products?page=2&size=5'
  curl --compressed '{base}/search?q=oak+table'
  curl -X POST {base}/carts
  curl -X POST {base}/carts/5001/items -d '{{\"product\": 17, \"quantity\": 1}}'
  curl -X POST {base}/orders -H 'X-Api-Key: visitor-2f6b9d04e8a1c357' -d '{{\"cart\": 5001}}'
  curl {base}/orders -u visitor:visitor
  curl {base}/login -d user=visitor -d password=visitor
  curl -N '{base}/events?count=5'
  curl {base}/reports/7

and with Wayside in front:  wayside record {base}"
    )
}
