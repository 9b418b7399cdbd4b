//! How to have the CA trusted, system by system, with the real path of its certificate.

use std::path::Path;

use wayside_exchange::escape::for_shell;

use crate::report::trouble::Trouble;

/// A system, browser or language, and what to do there.
struct Platform {
    names: &'static [&'static str],
    title: &'static str,
    /// Lines; `{ca}` is the certificate's path, quoted for `sh`; `{subject}` its name.
    steps: &'static str,
}

const PLATFORMS: &[Platform] = &[
    Platform {
        names: &["linux", "debian", "ubuntu"],
        title: "Linux: Debian, Ubuntu and their kin",
        steps: "sudo cp {ca} /usr/local/share/ca-certificates/wayside.crt\n\
                sudo update-ca-certificates\n\
                # undo: sudo rm /usr/local/share/ca-certificates/wayside.crt && sudo update-ca-certificates --fresh",
    },
    Platform {
        names: &["linux", "fedora", "rhel"],
        title: "Linux: Fedora, RHEL and their kin",
        steps: "sudo cp {ca} /etc/pki/ca-trust/source/anchors/wayside.pem\n\
                sudo update-ca-trust\n\
                # undo: sudo rm /etc/pki/ca-trust/source/anchors/wayside.pem && sudo update-ca-trust",
    },
    Platform {
        names: &["macos", "mac"],
        title: "macOS (Safari and Chrome too)",
        steps: "security add-trusted-cert -r trustRoot -k ~/Library/Keychains/login.keychain-db {ca}\n\
                # undo: security remove-trusted-cert {ca}",
    },
    Platform {
        names: &["windows"],
        title: "Windows (Edge and Chrome too), after copying the file there",
        steps: "certutil -user -addstore Root ca.pem\n\
                # undo: certutil -user -delstore Root \"{subject}\"",
    },
    Platform {
        names: &["ios", "iphone", "ipad"],
        title: "iOS and iPadOS",
        steps: "# 1. make a file to send: wayside certs export --der -o wayside.cer\n\
                # 2. send wayside.cer to the device (AirDrop, mail) and open it there\n\
                # 3. Settings > General > VPN & Device Management: install the profile\n\
                # 4. Settings > General > About > Certificate Trust Settings: switch it on",
    },
    Platform {
        names: &["android"],
        title: "Android",
        steps: "adb push {ca} /sdcard/Download/wayside.pem\n\
                # Settings > Security > Encryption & credentials > Install a certificate > CA certificate\n\
                # Apps trust it only when they say so (Android 7 and later), in res/xml/network_security_config.xml:\n\
                #   <debug-overrides><trust-anchors><certificates src=\"user\"/></trust-anchors></debug-overrides>",
    },
    Platform {
        names: &["firefox"],
        title: "Firefox",
        steps: "# Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import:\n\
                # choose the file below and tick `Trust this CA to identify websites`\n\
                echo {ca}",
    },
    Platform {
        names: &["java"],
        title: "Java",
        steps: "keytool -importcert -noprompt -cacerts -storepass changeit -alias wayside -file {ca}\n\
                # undo: keytool -delete -cacerts -storepass changeit -alias wayside",
    },
    Platform {
        names: &["python"],
        title: "Python (requests, httpx, pip)",
        steps: "# in place of the public authorities, in this shell only; undo: unset them\n\
                export REQUESTS_CA_BUNDLE={ca} SSL_CERT_FILE={ca} PIP_CERT={ca}",
    },
    Platform {
        names: &["node", "nodejs", "npm"],
        title: "Node and npm",
        steps: "# beside the public authorities; npm has a setting of its own that wins over it\n\
                export NODE_EXTRA_CA_CERTS={ca} npm_config_cafile={ca}",
    },
    Platform {
        names: &["curl"],
        title: "curl",
        steps: "curl --cacert {ca} https://127.0.0.1:8443/\n\
                # for a whole shell, in place of the public ones: export CURL_CA_BUNDLE={ca}",
    },
];

/// The steps for `platform`, or for all; lines that begin with `#` are for people, others for `sh`.
pub(super) fn instructions(
    platform: Option<&str>,
    ca: &Path,
    subject: &str,
) -> Result<String, Trouble> {
    let wanted = platform.map(str::to_lowercase);
    let chosen: Vec<&Platform> = PLATFORMS
        .iter()
        .filter(|known| wanted.as_deref().is_none_or(|name| known.names.contains(&name)))
        .collect();
    if chosen.is_empty() {
        let mut names: Vec<&str> =
            PLATFORMS.iter().flat_map(|known| known.names).copied().collect();
        names.sort_unstable();
        names.dedup();
        return Err(Trouble::misused(format!(
            "no steps are known for `{}`",
            platform.unwrap_or_default()
        ))
        .hint(format!("choose one of {}", names.join(", "))));
    }
    let ca = for_shell(ca.as_os_str().as_encoded_bytes());
    let subject = subject.strip_prefix("CN=").unwrap_or(subject);
    let text: Vec<String> = chosen
        .into_iter()
        .map(|known| {
            let steps = known.steps.replace("{ca}", &ca).replace("{subject}", subject);
            format!("# {}\n{steps}\n", known.title)
        })
        .collect();
    Ok(text.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn every_platform_gets_the_real_path() {
        let all = instructions(None, Path::new("/tmp/my data/ca.pem"), "CN=Wayside CA x").unwrap();
        for title in [
            "Debian", "Fedora", "macOS", "Windows", "iOS", "Android", "Firefox", "Java", "Python",
            "Node", "curl",
        ] {
            assert!(all.contains(title), "{title}");
        }
        assert!(all.contains("curl --cacert '/tmp/my data/ca.pem' https://"));
        assert!(!all.contains("{ca}") && !all.contains("{subject}"));
    }

    #[test]
    fn linux_means_both_families_and_an_unknown_platform_lists_the_known() {
        let linux = instructions(Some("Linux"), Path::new("/ca.pem"), "x").unwrap();
        assert!(linux.contains("update-ca-certificates") && linux.contains("update-ca-trust"));
        assert!(instructions(Some("amiga"), Path::new("/ca.pem"), "x").is_err());
    }
}
