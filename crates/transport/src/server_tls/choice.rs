//! Which certificate a hello is answered with: given ones by name, else leaves made on the fly.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::TcpStream;

use crate::authority::Authority;
use crate::certificate::Given;
use crate::{Error, Result, clock};

/// Leaves kept; a client that invents names costs itself a handshake each and us bounded memory.
const LEAVES: usize = 1024;

/// A leaf with less than this left is made anew.
const RENEWED_BEFORE_END: Duration = Duration::from_hours(30 * 24);

/// The certificates of one configuration, each as a ready server configuration.
pub(super) struct Choice {
    exact: HashMap<String, Arc<ServerConfig>>,
    /// `example.com` for a certificate's `*.example.com`.
    wildcard: HashMap<String, Arc<ServerConfig>>,
    default: Option<Arc<ServerConfig>>,
    minted: Option<Minted>,
}

struct Minted {
    authority: Arc<Authority>,
    template: ServerConfig,
    leaves: RwLock<Leaves>,
}

#[derive(Default)]
struct Leaves {
    by_name: HashMap<String, (Arc<ServerConfig>, SystemTime)>,
    oldest_first: VecDeque<String>,
}

impl Choice {
    pub(super) fn new(
        template: &ServerConfig,
        given: &[Given],
        authority: Option<Arc<Authority>>,
    ) -> Result<Self> {
        if given.is_empty() && authority.is_none() {
            return Err(Error::NothingToServe);
        }
        let mut choice = Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: None,
            minted: authority.map(|authority| Minted {
                authority,
                template: template.clone(),
                leaves: RwLock::default(),
            }),
        };
        for certificate in given {
            let config = showing(template, certificate.certified());
            for name in certificate.names() {
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut choice.wildcard, parent),
                    None => (&mut choice.exact, name.as_str()),
                };
                names.entry(name.to_owned()).or_insert_with(|| Arc::clone(&config));
            }
            choice.default.get_or_insert(config);
        }
        Ok(choice)
    }

    /// The configuration for a hello: exact name, wildcard, a leaf of our own, the default.
    pub(super) fn pick(&self, sni: Option<&str>, tcp: &TcpStream) -> Result<Arc<ServerConfig>> {
        let Some(name) = sni else {
            return match (&self.default, &self.minted) {
                (Some(default), _) => Ok(Arc::clone(default)),
                (None, Some(minted)) => minted.for_address_of(tcp),
                (None, None) => Err(Error::NothingToServe),
            };
        };
        let parent = || name.split_once('.').map(|(_, parent)| parent);
        if let Some(config) =
            self.exact.get(name).or_else(|| parent().and_then(|parent| self.wildcard.get(parent)))
        {
            return Ok(Arc::clone(config));
        }
        match (&self.minted, &self.default) {
            (Some(minted), _) => minted.get(name, || vec![name.to_owned()]),
            (None, Some(default)) => Ok(Arc::clone(default)),
            (None, None) => Err(Error::NothingToServe),
        }
    }
}

impl Minted {
    fn for_address_of(&self, tcp: &TcpStream) -> Result<Arc<ServerConfig>> {
        let address = match tcp.local_addr() {
            Ok(address) => address.ip().to_canonical().to_string(),
            Err(_) => "127.0.0.1".to_owned(),
        };
        self.get(&address, || {
            let mut names = vec![address.clone()];
            for local in ["localhost", "127.0.0.1", "::1"] {
                if local != address {
                    names.push(local.to_owned());
                }
            }
            names
        })
    }

    fn get(&self, key: &str, names: impl FnOnce() -> Vec<String>) -> Result<Arc<ServerConfig>> {
        let now = clock::now();
        let known = {
            let leaves = self.leaves.read().unwrap_or_else(PoisonError::into_inner);
            leaves.fresh(key, now)
        };
        if let Some(config) = known {
            return Ok(config);
        }
        // Two handshakes may make the same leaf at once; the later one stays, both are good.
        let leaf = self.authority.leaf_at(&names(), now)?;
        let config = showing(&self.template, leaf.certified()?);
        self.leaves.write().unwrap_or_else(PoisonError::into_inner).keep(
            key,
            Arc::clone(&config),
            leaf.not_after(),
        );
        Ok(config)
    }
}

impl Leaves {
    fn fresh(&self, key: &str, now: SystemTime) -> Option<Arc<ServerConfig>> {
        let (config, not_after) = self.by_name.get(key)?;
        (now + RENEWED_BEFORE_END < *not_after).then(|| Arc::clone(config))
    }

    fn keep(&mut self, key: &str, config: Arc<ServerConfig>, not_after: SystemTime) {
        if self.by_name.insert(key.to_owned(), (config, not_after)).is_none() {
            self.oldest_first.push_back(key.to_owned());
        }
        while self.by_name.len() > LEAVES {
            let Some(oldest) = self.oldest_first.pop_front() else { break };
            self.by_name.remove(&oldest);
        }
    }
}

/// Ticketer and session store are shared through the template's clones: any name resumes.
fn showing(template: &ServerConfig, certified: Arc<CertifiedKey>) -> Arc<ServerConfig> {
    let mut config = template.clone();
    config.cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    Arc::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(crate::crypto::provider());
        let resolver = rustls::server::ResolvesServerCertUsingSni::new();
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_no_client_auth().with_cert_resolver(Arc::new(resolver)))
    }

    #[test]
    fn a_leaf_is_made_anew_a_month_before_its_end() {
        let end = clock::now();
        let mut leaves = Leaves::default();
        leaves.keep("shop.example", config(), end);
        let hour = Duration::from_hours(1);
        assert!(leaves.fresh("shop.example", end - RENEWED_BEFORE_END - hour).is_some());
        assert!(leaves.fresh("shop.example", end - RENEWED_BEFORE_END + hour).is_none());
    }

    #[test]
    fn the_oldest_leaf_makes_room() {
        let (config, end) = (config(), clock::now());
        let mut leaves = Leaves::default();
        for name in 0..=LEAVES {
            leaves.keep(&name.to_string(), Arc::clone(&config), end);
        }
        assert_eq!(leaves.by_name.len(), LEAVES);
        assert_eq!(leaves.oldest_first.len(), LEAVES);
        assert!(!leaves.by_name.contains_key("0") && leaves.by_name.contains_key("1"));
    }
}
