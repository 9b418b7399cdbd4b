//! What pushes the metrics, and what it says of this recorder.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use wayside_console::{PushTally, Pushing};
use wayside_transport::client_tls::UpstreamTrust;
use wayside_transport::dial::Fence;

use crate::config::Settings;

/// None where nobody is to be pushed any. It never dials what `fence` keeps out.
pub(super) fn of(settings: &Settings, fence: Fence) -> anyhow::Result<Option<Pushing>> {
    let Some(collector) = &settings.otlp else { return Ok(None) };
    let trust = match &settings.otlp_ca {
        Some(file) => UpstreamTrust::Authority(file.clone()),
        None => UpstreamTrust::System,
    };
    Ok(Some(Pushing {
        poster: collector.poster(&trust, fence)?,
        headers: settings.otlp_headers.clone(),
        attributes: attributes(settings),
        interval: settings.otlp_interval,
        tally: PushTally::new(collector.shown()),
    }))
}

/// The attributes of the resource: ours, unless the settings say otherwise, and those of the settings.
fn attributes(settings: &Settings) -> Vec<(String, String)> {
    let ours = [
        ("service.name", "wayside".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", instance(&settings.data)),
    ];
    let given = &settings.otlp_attributes;
    let ours = ours.into_iter().filter(|(name, _)| given.iter().all(|(given, _)| given != name));
    let ours = ours.map(|(name, value)| (name.to_owned(), value));
    ours.chain(given.iter().cloned()).collect()
}

/// What tells this recorder from all others: a UUID (version 8) made from the host's name and the data folder. It stays
/// the same over restarts, so that its series go on.
fn instance(data: &Path) -> String {
    let host = fs::read("/proc/sys/kernel/hostname").or_else(|_| fs::read("/etc/hostname"));
    let host = host.unwrap_or_default();
    let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let mut hash = Sha256::new();
    for part in [host.trim_ascii(), data.as_os_str().as_encoded_bytes()] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut id =
        hash.finalize().iter().take(16).fold(0_u128, |id, &byte| id << 8 | u128::from(byte));
    id = id & !(0xf << 76) | 8 << 76;
    id = id & !(0b11 << 62) | 0b10 << 62;
    let part = |from: u32, bits: u32| id >> from & ((1 << bits) - 1);
    let (first, second, third) = (part(96, 32), part(80, 16), part(64, 16));
    format!("{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", part(48, 16), part(0, 48))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_a_uuid_that_stays() {
        let (one, other) = (instance(Path::new("/one")), instance(Path::new("/other")));
        assert_eq!(one, instance(Path::new("/one")));
        assert_ne!(one, other);
        let parts: Vec<&str> = one.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts.get(2).is_some_and(|part| part.starts_with('8')), "{one}");
        assert!(parts.get(3).is_some_and(|part| part.starts_with(['8', '9', 'a', 'b'])), "{one}");
    }
}
