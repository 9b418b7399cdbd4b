//! Where a replay never goes: to the recorder's own listeners, and, unless told so, to link-local and
//! metadata addresses. Refused before anything is sent; what a name resolves to later, when dialling.

use wayside_console::{ConsoleError, ConsoleStatus};
use wayside_replay::Options;
use wayside_transport::dial::{Fence, Fenced};

use crate::report::trouble::Trouble;
use crate::source::{Question, Source};

/// The fence around the listeners of the recorder that runs on this recording, if one does.
pub(super) async fn fence(source: &Source, allow_link_local: bool) -> anyhow::Result<Fence> {
    let answer = source.ask(&Question::at("/api/status")).await?.bytes().await?;
    let status: ConsoleStatus =
        serde_json::from_slice(&answer).map_err(ConsoleError::NotUnderstood)?;
    let address = |url: &String| url.split_once("://").and_then(|(_, rest)| rest.parse().ok());
    let fence = Fence::around(status.listening.iter().filter_map(address));
    Ok(if allow_link_local { fence } else { fence.and_link_local() })
}

/// Fails when the target is behind the fence.
pub(super) async fn refuse(options: &Options) -> Result<(), Trouble> {
    let target = &options.target;
    // Whom nobody can find now, nobody reaches: each exchange will say so.
    let found = tokio::net::lookup_host((target.host(), target.port())).await;
    let fenced = found.into_iter().flatten().find_map(|found| options.fence.check(found).err());
    let said = |what: &str| Trouble::misused(format!("the target `{target}` is {what}"));
    match fenced {
        None => Ok(()),
        Some(Fenced::Ourselves(own)) => Err(said(&format!("the recorder itself, on `{own}`"))
            .hint("name the backend: what goes to the recorder would be recorded once more")),
        Some(Fenced::LinkLocal(ip)) => Err(said(&format!(
            "the link-local or metadata address `{ip}`"
        ))
        .hint("clouds tell machines their secrets there; if it is meant: `--allow-link-local`")),
    }
}
