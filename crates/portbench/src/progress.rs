//! What is said to a person while something runs, on stderr: a moving line on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use portbench_records::{Cell, Outcome};
use portbench_runner::Event;
use portbench_worker::Phase;

use crate::table::printable;

/// Writes one line.
pub(crate) fn say(line: &str) {
    // If stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// Shows the events of a run.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    total: usize,
    /// Cell and trial that runs, for the moving line.
    head: String,
}

impl Display {
    pub(crate) fn new() -> Self {
        let terminal = io::stderr().is_terminal();
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}").ok();
        let bar = terminal.then(|| {
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(ProgressStyle::default_spinner))
        });
        Self { bar, total: 0, head: String::new() }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::RunStarted { run, cells, trials, kept } => {
                self.total = *trials;
                let kept = if *kept > 0 { format!(", {kept} finished before") } else { String::new() };
                self.line(&format!("run {}: {cells} cells, {trials} trials to do{kept}", run.id()));
                if let Some(bar) = &self.bar {
                    bar.enable_steady_tick(Duration::from_millis(120));
                }
            }
            Event::TrialStarted { cell, number, position } => {
                self.head = format!("[{}/{}] {} trial {}", position + 1, self.total, name(cell), number + 1);
                if self.bar.is_some() {
                    self.moving("");
                } else {
                    say(&self.head);
                }
            }
            Event::Phase { phase, .. } => self.moving(phase_words(*phase)),
            Event::Progress { fraction, detail, .. } => {
                let percent = fraction.map(|f| format!("{:.0} %", 100.0 * f));
                let words: Vec<String> = percent.into_iter().chain(detail.map(ToOwned::to_owned)).collect();
                if !words.is_empty() {
                    self.moving(&words.join(", "));
                }
            }
            Event::OracleStarted { cell } => {
                self.head = format!("oracle of {}", name(cell));
                self.moving("computing what is right");
            }
            Event::CellFinished { cell, outcome, detail } if *outcome != Outcome::Measured => {
                let detail = detail.map(|d| format!(": {d}")).unwrap_or_default();
                self.line(&format!("{} ended {}{detail}", name(cell), outcome));
            }
            _ => {}
        }
    }

    /// Takes the moving line away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    fn moving(&self, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(if words.is_empty() {
                self.head.clone()
            } else {
                format!("{}: {words}", self.head)
            });
        }
    }
}

fn name(cell: &Cell) -> String {
    format!("{} {} {} {}", cell.workload, cell.scenario, cell.target(), cell.numerics)
}

fn phase_words(phase: Phase) -> &'static str {
    match phase {
        Phase::Parity => "parity execution",
        Phase::Compile => "compiling and loading",
        Phase::FirstExecute => "first execution",
        Phase::Warmup => "warming up",
        Phase::Sampling => "sampling",
    }
}
