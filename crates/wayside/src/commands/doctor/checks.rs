//! The single checks of `wayside doctor`. None of them leaves anything behind.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use wayside_exchange::Micros;
use wayside_transport::authority::Authority;
use wayside_transport::certificate::Given;
use wayside_transport::client_tls::{ClientTls, UpstreamTrust};
use wayside_transport::dial::{Dialer, Scheme, Upstream};

use super::Finding;
use crate::clock as edge;
use crate::config::Settings;
use crate::report::figures::{count, duration, size};
use crate::sealed;

/// Below this recording is about to stop.
const LEAST_DISK: u64 = 100 << 20;
/// Below this recording will not last long.
const LITTLE_DISK: u64 = 2 << 30;
/// A certificate that ends sooner should be replaced.
const SOON: Duration = Duration::from_hours(30 * 24);

pub(super) fn recorder(data: &Path, running: bool) -> Finding {
    let what = if running { "a recorder runs on" } else { "no recorder runs on" };
    Finding::well("recorder", format!("{what} `{}`", data.display()))
}

pub(super) fn data_folder(data: &Path) -> Vec<Finding> {
    let about = "data folder";
    let shown = data.display();
    let Ok(metadata) = std::fs::metadata(data) else {
        return vec![parent_of(data)];
    };
    if !metadata.is_dir() {
        let what = format!("`{shown}` is not a folder");
        return vec![Finding::wrong(about, what, "name another with `--data DIR`")];
    }
    let mut findings = Vec::new();
    match rustix::fs::access(data, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => findings.push(Finding::well(about, format!("`{shown}` is writable"))),
        Err(error) => findings.push(Finding::wrong(
            about,
            format!("`{shown}` is not writable: {error}"),
            "give it to this user, or name another with `--data DIR`",
        )),
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        findings.push(Finding::doubtful(
            about,
            format!(
                "others may look into `{shown}` (mode {mode:04o}), and bodies lie there in clear"
            ),
            format!("run `chmod 700 {shown}`"),
        ));
    }
    findings
}

/// A folder that is not there yet needs a parent in which it can be made.
fn parent_of(data: &Path) -> Finding {
    let about = "data folder";
    match nearest(data) {
        Some(parent) if rustix::fs::access(parent, rustix::fs::Access::WRITE_OK).is_ok() => {
            let what = format!("`{}` will be made by the first `wayside record`", data.display());
            Finding::well(about, what)
        }
        _ => Finding::wrong(
            about,
            format!("`{}` cannot be made: the folder above is not writable", data.display()),
            "name another with `--data DIR`",
        ),
    }
}

/// The nearest folder above that is there.
fn nearest(path: &Path) -> Option<&Path> {
    path.ancestors()
        .map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above })
        .find(|above| above.is_dir())
}

pub(super) fn disk(data: &Path) -> Finding {
    let about = "disk";
    match nearest(data).map(rustix::fs::statvfs) {
        Some(Ok(found)) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let what = format!("{} free", size(free));
            let to_do = "make room, or record elsewhere with `--data DIR`";
            match free {
                0..LEAST_DISK => Finding::wrong(about, what, to_do),
                LEAST_DISK..LITTLE_DISK => Finding::doubtful(about, what, to_do),
                _ => Finding::well(about, what),
            }
        }
        _ => Finding::doubtful(about, "free space is not known", "look with `df`"),
    }
}

pub(super) fn ports(settings: &Settings) -> Vec<Finding> {
    let places = [
        ("listen", "--listen", Some(settings.listen)),
        ("listen-http", "--listen-http", settings.listen_http),
        ("console", "--console", settings.console),
    ];
    places.into_iter().filter_map(|(about, flag, at)| Some(port(about, flag, at?))).collect()
}

fn port(about: &'static str, flag: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) if address.port() == 0 => Finding::well(about, "a free port will be taken"),
        Ok(_) => Finding::well(about, format!("`{address}` is free")),
        Err(error) => Finding::wrong(
            about,
            format!("could not listen on `{address}`: {error}"),
            format!("stop what listens there, or choose another with `{flag} ADDR`"),
        ),
    }
}

pub(super) async fn backend(settings: &Settings) -> Finding {
    let about = "backend";
    let Some(upstream) = &settings.upstream else {
        let to_do = "have one tried with `wayside doctor UPSTREAM`";
        return Finding::doubtful(about, "none was named, so none was tried", to_do);
    };
    match dial(settings, upstream).await {
        Ok(what) if settings.upstream_insecure && upstream.scheme() == Scheme::Https => {
            let to_do =
                "name its authority with `--upstream-ca FILE` instead of `--upstream-insecure`";
            Finding::doubtful(about, format!("{what}; its certificate was not checked"), to_do)
        }
        Ok(what) => Finding::well(about, what),
        Err((what, to_do)) => Finding::wrong(about, what, to_do),
    }
}

async fn dial(settings: &Settings, upstream: &Upstream) -> Result<String, (String, String)> {
    let trust = match (&settings.upstream_ca, settings.upstream_insecure) {
        (_, true) => UpstreamTrust::Insecure,
        (Some(path), false) => UpstreamTrust::Authority(path.clone()),
        (None, false) => UpstreamTrust::System,
    };
    let set_up = |error: wayside_transport::Error| {
        let hint = error.hint().unwrap_or_else(|| "correct the configuration".to_owned());
        (error.to_string(), hint)
    };
    let tls = match upstream.scheme() {
        Scheme::Https => Some(ClientTls::new(&trust).map_err(set_up)?),
        Scheme::Http => None,
    };
    let dialer = Dialer::new(upstream.clone(), tls, settings.connect_timeout).map_err(set_up)?;
    let dialled = dialer.dial().await.map_err(|error| {
        let to_do = match error.kind {
            wayside_transport::dial::DialErrorKind::Tls => {
                "name its authority with `--upstream-ca FILE`, or speak `http://` if it has no TLS"
            }
            wayside_transport::dial::DialErrorKind::Unresolvable => "check the host name",
            _ => "start the backend, or check its address",
        };
        (error.to_string(), to_do.to_owned())
    })?;
    let took = dialled.resolve + dialled.connect + dialled.tls_handshake.unwrap_or_default();
    let took = duration(Micros::from(took));
    Ok(format!("`{upstream}` answered from `{}` within {took}", dialled.peer_addr))
}

pub(super) fn certificates(settings: &Settings) -> Vec<Finding> {
    let mut findings: Vec<Finding> = settings
        .certificates
        .iter()
        .map(|files| match Given::load(&files.certificate, &files.key) {
            Ok(given) => {
                let what =
                    format!("`{}` is for {}", given.path().display(), given.names().join(", "));
                lasting(&what, given.not_after(), "put a newer one in its place and send SIGHUP")
            }
            Err(error) => broken(&error),
        })
        .collect();
    let keys = sealed::keys(&settings.data);
    if !keys.join("ca.pem").exists() && !keys.join("ca.key").exists() {
        findings.push(Finding::well("authority", "it will be made by the first `wayside record`"));
        return findings;
    }
    findings.push(match Authority::open_or_create(&keys) {
        Ok(authority) => {
            let to_do =
                format!("remove `{}` to have a new one made, and trust that", keys.display());
            lasting(authority.subject(), authority.not_after(), &to_do)
        }
        Err(error) => broken(&error),
    });
    findings
}

fn lasting(what: &str, until: std::time::SystemTime, to_do: &str) -> Finding {
    let left = until.duration_since(edge::system_time()).unwrap_or_default();
    let what = format!("{what}, for {} days more", left.as_secs() / 86400);
    if left < SOON {
        Finding::doubtful("certificate", what, to_do)
    } else {
        Finding::well("certificate", what)
    }
}

fn broken(error: &wayside_transport::Error) -> Finding {
    let to_do = error.hint().unwrap_or_else(|| "replace it".to_owned());
    Finding::wrong("certificate", error.to_string(), to_do)
}

/// Certificates, ids and sessions go by the clock. Nobody ran this program before it was written.
pub(super) fn clock() -> Finding {
    const WRITTEN: i64 = 1_767_225_600_000_000;
    const FAR: i64 = 4_102_444_800_000_000;
    let now = edge::now();
    let what = format!("it says {now}");
    if (WRITTEN..FAR).contains(&now.0) {
        Finding::well("clock", what)
    } else {
        Finding::wrong("clock", what, "set it, with `timedatectl set-ntp true` for instance")
    }
}

pub(super) fn open_files(connections: u64) -> Finding {
    // Each connection may have one upstream.
    let wanted = 2 * connections + 64;
    let limit = getrlimit(Resource::Nofile);
    match limit.maximum {
        Some(most) if most < wanted => Finding::doubtful(
            "open files",
            format!(
                "at most {}, and {} connections may need {}",
                count(most),
                count(connections),
                count(wanted)
            ),
            "raise it (`ulimit -Hn`, or `LimitNOFILE=` of the service), or lower `--max-connections`",
        ),
        Some(most) => Finding::well("open files", format!("up to {}", count(most))),
        None => Finding::well("open files", "as many as there are"),
    }
}
