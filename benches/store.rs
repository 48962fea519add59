//! Runs of 1,000 and of 100,000 cells: reading figures, comparing, reporting; time, memory, and how both grow. Linux only. The cells are copies of one real record, the smallest
//! measured one of those that are published, under other names.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking, and prints")]

use std::fmt;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use portbench_records::{Outcome, Record, Run, RunInfo, Store, read_record};
use portbench_report::{compare_runs, write};

const FEW: usize = 1_000;
const MANY: usize = 100_000;

/// Every record below a folder.
fn records(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            records(&path, found);
        } else if path.parent().is_some_and(|p| p.ends_with("cells")) {
            found.push(path);
        }
    }
}

fn smallest() -> Record {
    let mut found = Vec::new();
    records(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/published"), &mut found);
    found.sort_by_key(|path| fs::metadata(path).unwrap().len());
    let records = found.iter().map(|path| read_record(path).unwrap());
    records.into_iter().find(|record| record.outcome == Outcome::Measured).unwrap()
}

fn run_of(root: &Path, cells: usize) -> Run {
    let record = smallest();
    let info = RunInfo {
        version: record.version,
        suite: "many".into(),
        started: 0,
        seed: 1,
        trials: record.trials.len() as u64,
        environment: record.environment.clone(),
        plan: Vec::new(),
    };
    let run = Store::new(root).create(&info).unwrap();
    let mut record = record;
    for i in 0..cells {
        record.cell.workload = format!("workload-{i:06}");
        // Not through the store: 100,000 durable writes are minutes of waiting for the disk.
        let path = run.dir().join("cells").join(format!("{}.json", record.cell.id()));
        fs::write(path, serde_json::to_vec(&record).unwrap()).unwrap();
    }
    run
}

/// What is done with a run.
type Job<'a> = (&'static str, Box<dyn Fn(&Run) -> usize + 'a>);

fn jobs(out: &Path) -> [Job<'_>; 3] {
    let heads = |run: &Run| run.heads().unwrap().map(Result::unwrap);
    [
        ("load: the figures of every cell", Box::new(move |run| heads(run).count())),
        (
            "compare: the run with itself",
            Box::new(|run| compare_runs(run, run, 0.02, &|_| ()).unwrap().len()),
        ),
        ("report: page, table and charts", Box::new(move |run| write(run, out).unwrap().charts.len())),
    ]
}

/// What a job took.
#[derive(Clone, Copy)]
struct Taken {
    seconds: f64,
    /// Of all threads, in the program and in the kernel: what other work on the machine does not change.
    cpu_seconds: f64,
    /// By how many bytes the most memory in use was more than what was in use before.
    bytes: u64,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} s ({:.2} s of processor time), {:.1} MB",
            self.seconds,
            self.cpu_seconds,
            self.bytes as f64 / 1e6
        )
    }
}

fn once(job: &dyn Fn(&Run) -> usize, run: &Run) -> Taken {
    // Lets the kernel count the most memory in use from now on: proc(5), `clear_refs`.
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = (memory("VmRSS:"), cpu_seconds());
    let start = Instant::now();
    black_box(job(run));
    Taken {
        seconds: start.elapsed().as_secs_f64(),
        cpu_seconds: cpu_seconds() - before.1,
        bytes: memory("VmHWM:").saturating_sub(before.0),
    }
}

/// Processor time of this process so far: proc(5), `stat`, fields 14 and 15, in hundredths of a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11);
    fields.take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// A line of /proc/self/status, in bytes.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

/// The middle of three.
fn middle(job: &dyn Fn(&Run) -> usize, run: &Run) -> Taken {
    let mut found = [once(job, run), once(job, run), once(job, run)];
    found.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    found[1]
}

fn store(c: &mut Criterion) {
    let root = tempfile::tempdir().unwrap();
    let (few, many) = (run_of(root.path(), FEW), run_of(root.path(), MANY));
    let out = root.path().join("out");
    for (name, job) in jobs(&out) {
        let (small, large) = (middle(&job, &few), middle(&job, &many));
        println!(
            "{name}: {FEW} cells {small}; {MANY} cells {large}; processor time x{:.0}",
            large.cpu_seconds / small.cpu_seconds
        );
    }
    for (name, job) in jobs(&out) {
        c.bench_function(&format!("{name}, {MANY} cells"), |b| b.iter(|| job(&many)));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = store
}
criterion_main!(benches);
