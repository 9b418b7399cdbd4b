//! `wayside certs`: what is in use and until when, how to trust it, and certificates for
//! development. The CA's key never leaves its file.

mod trust;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use serde_json::json;
use wayside_exchange::Timestamp;
use wayside_transport::authority::Authority;

use crate::args::{CertificateForm, CertsArgs, CertsVerb};
use crate::clock;
use crate::exit::Exit;
use crate::report::printer::Printer;
use crate::report::trouble::Trouble;
use crate::sealed;

/// What a development leaf is for unless names are given.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Does what was asked about certificates.
pub fn run(args: CertsArgs, data: &Path, printer: &mut Printer) -> anyhow::Result<Exit> {
    match args.verb {
        None if args.form.pem || args.form.der => export(args.form, None, data, printer)?,
        None => show(false, data, printer)?,
        Some(CertsVerb::Show { json }) => show(json, data, printer)?,
        Some(CertsVerb::Trust { platform }) => {
            let authority = open(data)?;
            let text =
                trust::instructions(platform.as_deref(), &ca_file(data), authority.subject())?;
            printer.text(&text)?;
        }
        Some(CertsVerb::Export { form, output }) => {
            export(form, output.as_deref(), data, printer)?;
        }
        Some(CertsVerb::Make { folder, names }) => make(&folder, names, printer)?,
    }
    Ok(Exit::Done)
}

/// The authority of `data`, made at the first use as `record` would.
fn open(data: &Path) -> anyhow::Result<Authority> {
    Authority::open_or_create(&sealed::keys(data))
        .context("could not open the certificate authority")
}

/// The CA's certificate, for others to read: its key lies beside it, for nobody else.
fn ca_file(data: &Path) -> PathBuf {
    let path = sealed::keys(data).join("ca.pem");
    std::path::absolute(&path).unwrap_or(path)
}

fn show(json: bool, data: &Path, printer: &mut Printer) -> anyhow::Result<()> {
    let authority = open(data)?;
    if json {
        return printer.json(&json!({
            "authority": authority.subject(),
            "not_after": Timestamp::from(authority.not_after()),
            "sha256": authority.fingerprint_sha256(),
            "certificate": ca_file(data),
        }));
    }
    let paint = printer.paint;
    let mut line = |label: &str, text: &str| {
        printer.line(format_args!("{} {text}", paint.faint(&format!("{label:<12}"))))
    };
    line("authority", authority.subject())?;
    line("valid until", &until(authority.not_after()))?;
    line("SHA-256", &authority.fingerprint_sha256())?;
    line("certificate", &ca_file(data).display().to_string())?;
    printer.say("to have it trusted: `wayside certs trust`; to use your own: `wayside record --cert FILE --key FILE`");
    Ok(())
}

/// The day, and how many days that is from now.
fn until(at: SystemTime) -> String {
    let days = at.duration_since(clock::system_time()).unwrap_or_default().as_secs() / 86400;
    let day = Timestamp::from(at).to_string();
    format!("{} ({days} days)", day.get(..10).unwrap_or(&day))
}

fn export(
    form: CertificateForm,
    output: Option<&Path>,
    data: &Path,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let authority = open(data)?;
    let bytes = if form.der { authority.der() } else { authority.pem().into_bytes() };
    match output {
        Some(path) => {
            write(path, &bytes, 0o644)?;
            printer.say(format!("wrote the CA's certificate to `{}`", path.display()));
            Ok(())
        }
        None if form.der && std::io::stdout().is_terminal() => {
            Err(Trouble::misused("DER is binary, and standard output is a terminal")
                .hint("write it to a file with `-o FILE`, or use `--pem`")
                .into())
        }
        None => printer.bytes(&bytes),
    }
}

fn make(folder: &Path, names: Vec<String>, printer: &mut Printer) -> anyhow::Result<()> {
    let local = || LOCAL.map(str::to_owned).to_vec();
    let names = if names.is_empty() { local() } else { names };
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .with_context(|| format!("could not make the folder `{}`", folder.display()))?;
    let authority = Authority::open_or_create(folder)?;
    let leaf = authority.leaf(&names)?;
    let (certificate, key) = (folder.join("leaf.pem"), folder.join("leaf.key"));
    write(&key, leaf.key_pem().as_bytes(), 0o600)?;
    write(&certificate, leaf.pem().as_bytes(), 0o644)?;
    printer
        .line(format_args!("{}  the CA, for clients to trust", folder.join("ca.pem").display()))?;
    printer.line(format_args!("{}  for {}", certificate.display(), names.join(", ")))?;
    printer.line(format_args!("{}  its key, for you alone", key.display()))?;
    printer.say(format!(
        "valid until {}; use it with `wayside record UPSTREAM --cert {} --key {}`",
        until(leaf.not_after()),
        certificate.display(),
        key.display()
    ));
    Ok(())
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    // Anew: a file that is there would keep its own permissions.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(failed);
        }
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(failed)
}
