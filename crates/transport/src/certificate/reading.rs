//! What a certificate says of itself.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::time::ASN1Time;

/// The fields of a certificate that decide whether and for whom it is shown.
pub(crate) struct Reading {
    /// Subject alternative names, hosts in lower case.
    pub(crate) names: Vec<String>,
    pub(crate) subject: String,
    /// The subject public key info, DER.
    pub(crate) public_key: Vec<u8>,
    pub(crate) not_before: SystemTime,
    pub(crate) not_after: SystemTime,
    pub(crate) is_authority: bool,
}

impl Reading {
    /// Reads a DER certificate; the error says what is wrong with it.
    pub(crate) fn of(der: &[u8]) -> Result<Self, String> {
        let (_, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|error| error.to_string())?;
        let names =
            match certificate.subject_alternative_name().map_err(|error| error.to_string())? {
                Some(extension) => extension.value.general_names.iter().filter_map(name).collect(),
                None => Vec::new(),
            };
        Ok(Self {
            names,
            subject: certificate.subject().to_string(),
            public_key: certificate.public_key().raw.to_vec(),
            not_before: system_time(certificate.validity().not_before),
            not_after: system_time(certificate.validity().not_after),
            is_authority: certificate.is_ca(),
        })
    }
}

/// Whom a client's certificate was made for.
pub(crate) struct Owner {
    /// The common name, else the first alternative name that is a URI, a host or a mail address, else the
    /// whole subject.
    pub(crate) name: String,
    /// The whole subject, as `CN=alice, O=Acme`.
    pub(crate) subject: String,
}

impl Owner {
    /// Reads a DER certificate; none when it names nobody.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let subject = certificate.subject().to_string();
        let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        let name = common
            .map(str::to_owned)
            .find(|name| !name.is_empty())
            .or_else(|| alternative(&certificate))
            .or_else(|| Some(subject.clone()).filter(|subject| !subject.is_empty()))?;
        Some(Self { name, subject })
    }
}

fn alternative(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = &certificate.subject_alternative_name().ok()??.value.general_names;
    let uri = names.iter().find_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    });
    let host = names.iter().find_map(|name| match name {
        GeneralName::DNSName(host) => Some(host.to_ascii_lowercase()),
        _ => None,
    });
    let mail = names.iter().find_map(|name| match name {
        GeneralName::RFC822Name(mail) => Some((*mail).to_owned()),
        _ => None,
    });
    uri.or(host).or(mail).filter(|name| !name.is_empty())
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(host) => Some(host.to_ascii_lowercase()),
        GeneralName::IPAddress(octets) => {
            let address = <[u8; 4]>::try_from(*octets)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn system_time(time: ASN1Time) -> SystemTime {
    let seconds = time.timestamp();
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}

/// A moment as people read it: `2031-04-05 06:07:08 UTC`.
pub(crate) fn utc(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let Ok(time) = ASN1Time::from_timestamp(i64::try_from(seconds).unwrap_or(i64::MAX)) else {
        return format!("{seconds} seconds after 1970");
    };
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
