//! `completions`.

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;

pub(crate) fn run(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portbench", &mut script);
    io::Write::write_all(&mut io::stdout(), &script)?;
    Ok(0)
}
