//! `wayside completions`: a script for the shell.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::report::printer::Printer;

/// Writes the script.
pub fn run(args: &CompletionsArgs, printer: &mut Printer) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wayside", &mut script);
    printer.bytes(&script)?;
    Ok(Exit::Done)
}
