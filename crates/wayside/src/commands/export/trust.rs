//! Which authority exported curl commands trust, so that they run on this machine as they are.
//!
//! Wayside signs for whatever name it is asked by. To a name of this machine a command most likely
//! reaches Wayside again, so it trusts Wayside's own authority; any other name may by now lead to
//! the real server, whose certificate that authority never signed.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use http::uri::Authority;
use wayside_exchange::{Scheme, Summary};

use crate::args::ExportArgs;
use crate::report::figures::count;

/// What commands trust.
pub(super) struct Trust {
    /// Wayside's own authority, where nobody decided otherwise and there is one.
    own: Option<PathBuf>,
    decided: bool,
    to_here: u64,
    elsewhere: u64,
}

impl Trust {
    /// What commands of the recording at `data` trust.
    pub(super) fn of(args: &ExportArgs, data: &Path) -> anyhow::Result<Self> {
        let decided = args.cacert.is_some() || args.to.is_some();
        let own = std::path::absolute(data)?.join("keys").join("ca.pem");
        let own = Some(own).filter(|own| !decided && own.is_file());
        Ok(Self { own, decided, to_here: 0, elsewhere: 0 })
    }

    /// Wayside's own authority, for the commands that trust it.
    pub(super) fn own(&self) -> Option<&Path> {
        self.own.as_deref()
    }

    /// Whether the command of this exchange trusts Wayside's own authority; counted for
    /// [`Trust::in_words`].
    pub(super) fn is_own(&mut self, summary: &Summary) -> bool {
        self.is_own_for(summary.scheme, &summary.host)
    }

    /// What was chosen, when there was something to choose.
    pub(super) fn in_words(&self) -> Option<String> {
        match (&self.own, self.to_here, self.elsewhere) {
            _ if self.decided => None,
            (_, 0, 0) => None,
            (Some(own), 1.., 0) => Some(format!(
                "over https to this machine the commands trust Wayside's own authority, `{}`",
                own.display()
            )),
            (Some(own), 1.., _) => Some(format!(
                "over https the commands to this machine ({}) trust Wayside's own authority, `{}`; \
                 those to elsewhere ({}) what this system trusts",
                count(self.to_here),
                own.display(),
                count(self.elsewhere)
            )),
            (Some(own), ..) => Some(format!(
                "over https the commands trust what this system trusts; to reach Wayside instead, \
                 export with `--cacert {}`",
                own.display()
            )),
            (None, ..) => Some(
                "over https the commands trust what this system trusts; name another authority \
                 with `--cacert FILE`"
                    .to_owned(),
            ),
        }
    }

    fn is_own_for(&mut self, scheme: Scheme, host: &str) -> bool {
        if scheme != Scheme::Https {
            return false;
        }
        let own = self.own.is_some() && is_this_machine(host);
        *if own { &mut self.to_here } else { &mut self.elsewhere } += 1;
        own
    }
}

/// Whether a host with or without a port names this machine (RFC 6761 section 6.3).
fn is_this_machine(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let name = name.to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use std::fs;

    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Verb};

    fn export(more: &[&str]) -> ExportArgs {
        let typed = ["wayside", "export", "x", "--as", "curl"].iter().chain(more);
        match Cli::try_parse_from(typed).unwrap().verb {
            Verb::Export(args) => args,
            _ => panic!("another verb"),
        }
    }

    /// What commands to `asked` trust: whether each trusts Wayside's own, and the words.
    fn trusted(trust: &mut Trust, asked: &[(Scheme, &str)]) -> (Vec<bool>, Option<String>) {
        let own = asked.iter().map(|(scheme, host)| trust.is_own_for(*scheme, host)).collect();
        (own, trust.in_words())
    }

    fn recording() -> (tempfile::TempDir, String) {
        let data = tempfile::tempdir().unwrap();
        let own = data.path().join("keys/ca.pem");
        fs::create_dir(data.path().join("keys")).unwrap();
        fs::write(&own, "a certificate").unwrap();
        let own = own.display().to_string();
        (data, own)
    }

    #[test]
    fn this_machine_is_known_by_its_names_and_addresses() {
        for host in [
            "localhost",
            "LocalHost:8443",
            "shop.localhost:1",
            "127.0.0.1:8443",
            "127.9.9.9",
            "[::1]:8443",
            "[::1]",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "shop.example",
            "localhost.example:8443",
            "notlocalhost",
            "128.0.0.1",
            "10.0.0.1:8443",
            "[2001:db8::1]:8443",
            "127.0.0.1.example",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn commands_to_this_machine_trust_our_own_authority_and_others_the_system() {
        let (data, own) = recording();
        let (here, away) = ((Scheme::Https, "localhost:8443"), (Scheme::Https, "shop.example"));
        let plain = (Scheme::Http, "localhost:8080");
        let of = || Trust::of(&export(&[]), data.path()).unwrap();
        assert_eq!(of().own().unwrap().display().to_string(), own);
        assert_eq!(trusted(&mut of(), &[plain]), (vec![false], None));
        assert_eq!(
            trusted(&mut of(), &[plain, here, here]),
            (
                vec![false, true, true],
                Some(format!(
                    "over https to this machine the commands trust Wayside's own authority, `{own}`"
                ))
            )
        );
        assert_eq!(
            trusted(&mut of(), &[here, away]),
            (
                vec![true, false],
                Some(format!(
                    "over https the commands to this machine (1) trust Wayside's own authority, \
                     `{own}`; those to elsewhere (1) what this system trusts"
                ))
            )
        );
        assert_eq!(
            trusted(&mut of(), &[away]),
            (
                vec![false],
                Some(format!(
                    "over https the commands trust what this system trusts; to reach Wayside \
                     instead, export with `--cacert {own}`"
                ))
            )
        );
    }

    #[test]
    fn nothing_is_chosen_for_who_chose_and_where_there_is_nothing_to_choose() {
        let (data, _) = recording();
        let here = [(Scheme::Https, "localhost:8443")];
        for chosen in [["--cacert", "mine.pem"], ["--to", "https://localhost:1"]] {
            let mut trust = Trust::of(&export(&chosen), data.path()).unwrap();
            assert!(trust.own().is_none());
            assert_eq!(trusted(&mut trust, &here), (vec![false], None));
        }
        fs::remove_dir_all(data.path().join("keys")).unwrap();
        let mut trust = Trust::of(&export(&[]), data.path()).unwrap();
        let (own, words) = trusted(&mut trust, &here);
        assert_eq!(own, [false]);
        assert!(words.unwrap().ends_with("with `--cacert FILE`"));
    }
}
