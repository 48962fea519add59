//! The command line.
//!
//! Data goes to stdout, everything else to stderr. One module a sub-command, in `commands`.

mod args;
mod backends;
mod cells;
mod commands;
mod failure;
mod neuron;
mod progress;
mod python;
mod replicas;
mod rows;
mod table;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { failure::USAGE } else { 0 };
            // Nothing is left to be done about a stream that is closed.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if !failure.is_broken_pipe() {
                progress::say(&format!("error: {failure}"));
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(cli: Cli) -> Result<u8, Failure> {
    match cli.command {
        Command::List(args) => commands::list::run(&args),
        Command::Doctor(args) => commands::doctor::run(&args),
        Command::Plan(args) => commands::plan::run(&args),
        Command::Compile(args) => commands::compile::run(&args),
        Command::Goldens(args) => commands::goldens::run(&args),
        Command::Run(args) => commands::run::run(&args),
        Command::Show(args) => commands::show::run(&args),
        Command::Portability(args) => commands::portability::run(&args),
        Command::Chart(args) => commands::chart::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Compare(args) => commands::compare::run(&args),
        Command::History(args) => commands::history::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Cost(args) => commands::cost::run(&args),
        Command::Project(args) => commands::project::run(&args),
        Command::Migrate(args) => commands::migrate::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Completions { shell } => commands::completions::run(shell),
        Command::Worker(args) => commands::worker::run(&args),
    }
}
