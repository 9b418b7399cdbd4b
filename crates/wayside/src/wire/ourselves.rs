//! Refuses an upstream that is one of our own listeners before anything listens. What cannot be known by
//! then (a name that resolves elsewhere later, a port that the system chose) is refused when dialling.

use std::net::{SocketAddr, ToSocketAddrs as _};

use wayside_transport::dial::{Fence, Fenced, Upstream};

use crate::config::Settings;
use crate::report::trouble::Trouble;

/// Fails when `upstream` is where the proxy or the console will listen, by whatever name.
pub(super) fn refuse(settings: &Settings, upstream: &Upstream) -> Result<(), Trouble> {
    let own = [
        (Some(settings.listen), "the proxy's own address", "--listen"),
        (settings.listen_http, "the proxy's own address", "--listen-http"),
        (settings.console, "the console's address", "--console"),
    ];
    let own = own.into_iter().filter_map(|(address, what, flag)| Some((address?, what, flag)));
    for (address, what, flag) in own.filter(|(address, ..)| address.port() == upstream.port()) {
        // Who cannot be found now is not here, or will be looked at when dialled.
        let found = (upstream.host(), upstream.port()).to_socket_addrs().into_iter().flatten();
        let fence = Fence::around([address]);
        if found
            .into_iter()
            .any(|found: SocketAddr| matches!(fence.check(found), Err(Fenced::Ourselves(_))))
        {
            let said = format!("the upstream `{upstream}` is {what}, `{address}`");
            return Err(Trouble::misused(said)
                .hint(format!("name the backend, or listen elsewhere with `{flag} ADDR`")));
        }
    }
    Ok(())
}
