//! Ranges, and keys that do not go together.

use portbench_measure::{Mode, Scenario};

use super::suite::{SamplingTable, SuiteFile, WarmupTable};
use super::training::{OptimizerTable, ScheduleTable, TrainingTable};
use super::workload::{ElementType, ModelTable, ModuleKind, ParityTable, WorkloadFile};
use crate::document::Document;
use crate::error::{Mistake, WorkloadError};
use crate::suggest;

/// Most rows of a batch.
pub(crate) const MAX_BATCH: u64 = 1 << 20;
/// Most tokens a row.
pub(crate) const MAX_TOKENS: u64 = 1 << 22;
const MAX_STEPS: u64 = 1_000_000_000;
/// A week.
const MAX_SECONDS: f64 = 604_800.0;

struct Checker<'d> {
    document: &'d Document,
    mistakes: Vec<Mistake>,
}

impl Checker<'_> {
    fn wrong(&mut self, path: &[&str], message: String, help: Option<&str>) {
        self.mistakes.push(self.document.at(path, message, help.map(str::to_owned)));
    }

    fn count(&mut self, path: &[&str], value: Option<u64>, low: u64, high: u64) {
        if let Some(v) = value.filter(|v| !(low..=high).contains(v)) {
            let key = path.last().copied().unwrap_or_default();
            self.wrong(path, format!("`{key}` must lie between {low} and {high}, not {v}"), None);
        }
    }

    /// `low` itself is allowed if `closed`.
    fn number(&mut self, path: &[&str], value: Option<f64>, low: f64, closed: bool, high: f64) {
        let Some(v) = value else { return };
        if !(v.is_finite() && v <= high && (v > low || (closed && v >= low))) {
            let key = path.last().copied().unwrap_or_default();
            let from = if closed { "at least" } else { "above" };
            self.wrong(path, format!("`{key}` must be {from} {low} and at most {high}, not {v}"), None);
        }
    }

    fn line(&mut self, path: &[&str], value: Option<&str>) {
        let Some(v) = value else { return };
        if v.trim().is_empty() || v.contains('\n') || v.chars().count() > 200 {
            self.wrong(path, "a description is one line of 1 to 200 characters".to_owned(), None);
        }
    }

    fn no_repeats<T: PartialEq + ToString>(&mut self, path: &[&str], values: Option<&[T]>) {
        let Some(values) = values else { return };
        if values.is_empty() {
            let key = path.last().copied().unwrap_or_default();
            self.wrong(
                path,
                format!("`{key}` is empty"),
                Some("leave the key out for its default, or name at least one"),
            );
        }
        for (i, v) in values.iter().enumerate() {
            if values[..i].contains(v) {
                let index = i.to_string();
                let mut at = path.to_vec();
                at.push(&index);
                self.wrong(&at, format!("`{}` is named twice", v.to_string()), None);
            }
        }
    }

    fn finish(self) -> Result<(), WorkloadError> {
        if self.mistakes.is_empty() { Ok(()) } else { Err(self.document.wrong(self.mistakes)) }
    }
}

/// Checks a workload file.
pub(crate) fn workload(file: &WorkloadFile, document: &Document) -> Result<(), WorkloadError> {
    let mut c = Checker { document, mistakes: Vec::new() };
    c.line(&["description"], file.description.as_deref());
    model(file, &mut c);
    c.count(&["batch"], file.batch, 1, MAX_BATCH);
    c.count(&["prompt"], file.prompt, 1, MAX_TOKENS);
    c.count(&["new-tokens"], file.new_tokens, 1, MAX_TOKENS);
    c.count(&["sequence"], file.sequence, 1, MAX_TOKENS);
    c.count(&["seed"], file.seed, 0, i64::MAX as u64);
    c.no_repeats(&["numerics"], file.numerics.as_deref());
    belongs(file, &mut c);
    if let Some(table) = &file.training {
        training(table, file, &mut c);
    }
    if let Some(table) = &file.parity {
        parity(table, file, &mut c);
    }
    c.finish()
}

/// A module of the user's own: what stands beside it, its inputs and outputs.
fn module(kind: ModuleKind, m: &ModelTable, file: &WorkloadFile, c: &mut Checker<'_>) {
    let (own, noun) = (kind.key(), kind.noun());
    let beside = [
        ("family", m.family.is_some()),
        ("preset", m.preset.is_some()),
        ("path", m.path.is_some()),
        ("neff", m.neff.is_some() && own != "neff"),
    ];
    let beside = beside.into_iter().filter(|(_, given)| *given).map(|(key, _)| key);
    for key in beside.chain(m.dimensions.keys().map(String::as_str)).collect::<Vec<_>>() {
        let help = format!("what {noun} computes stands in the file");
        c.wrong(&["model", key], format!("`{key}` does not go together with `{own}`"), Some(&help));
    }
    if file.mode.is_some_and(|mode| mode != Mode::Inference) {
        c.wrong(&["mode"], format!("{noun} is executed: its mode is `inference`"), None);
    }
    if m.inputs.is_empty() {
        let help = "inputs = [{ name = \"x\", dtype = \"f32\", shape = [1, 3, 224, 224] }]";
        c.wrong(&["model"], format!("{noun} needs its `inputs`"), Some(help));
    }
    for (i, input) in m.inputs.iter().enumerate() {
        let at = ["model", "inputs", &i.to_string()].map(str::to_owned);
        let at = [at[0].as_str(), &at[1], &at[2]];
        tensor(c, &at, &input.name, &input.shape, m.inputs[..i].iter().map(|other| other.name.as_str()));
        let whole = matches!(input.dtype, ElementType::I64);
        match (input.value, input.below) {
            (Some(_), Some(_)) => c.wrong(&at, "`value` and `below` are both given".to_owned(), None),
            (Some(value), None) if !value.is_finite() => {
                c.wrong(&at, format!("`value` must be finite, not {value}"), None);
            }
            (None, Some(0)) => c.wrong(&at, "no whole number is below 0".to_owned(), None),
            (None, Some(_)) if !whole => {
                c.wrong(&at, "`below` is for inputs of dtype `i64`".to_owned(), None);
            }
            (None, None) if whole || input.dtype == ElementType::Bool => {
                let help = "below = 50257 for tokens, value = 1 for a mask";
                c.wrong(&at, "what is this input filled with?".to_owned(), Some(help));
            }
            _ => {}
        }
    }
    for (i, output) in m.outputs.iter().enumerate() {
        let at = ["model", "outputs", &i.to_string()].map(str::to_owned);
        let at = [at[0].as_str(), &at[1], &at[2]];
        tensor(c, &at, &output.name, &output.shape, m.outputs[..i].iter().map(|other| other.name.as_str()));
    }
}

/// Most elements of a tensor of a module: 4 GiB of `f32`.
const MAX_ELEMENTS: u64 = 1 << 30;

fn tensor<'n>(
    c: &mut Checker<'_>,
    at: &[&str],
    name: &str,
    shape: &[u64],
    mut before: impl Iterator<Item = &'n str>,
) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > 80 || !name.bytes().all(plain) {
        let help = "letters, digits and _ - . without spaces";
        c.wrong(at, format!("`{}` is no name of a tensor", name.escape_debug()), Some(help));
    }
    if before.any(|other| other == name) {
        c.wrong(at, format!("`{name}` is named twice"), None);
    }
    let elements = shape.iter().try_fold(1u64, |all, &n| all.checked_mul(n)).unwrap_or(u64::MAX);
    if elements == 0 || elements > MAX_ELEMENTS {
        c.wrong(at, format!("a tensor has 1 to {MAX_ELEMENTS} elements, not those of {shape:?}"), None);
    }
}

fn model(file: &WorkloadFile, c: &mut Checker<'_>) {
    match (&file.model, &file.kernel) {
        (None, None) => c.wrong(
            &[],
            "neither `model` nor `kernel` is given".to_owned(),
            Some("for example: model = { family = \"gpt2\", preset = \"124m\" }"),
        ),
        (Some(_), Some(_)) => {
            c.wrong(
                &["kernel"],
                "`model` and `kernel` are both given".to_owned(),
                Some("keep one of the two"),
            );
        }
        (Some(m), None) if let Some((kind, _)) = m.module() => module(kind, m, file, c),
        (Some(m), None) => match (&m.family, &m.path) {
            (None, None) => c.wrong(
                &["model"],
                "the model has neither `family`, `path`, `torchscript` nor `neff`".to_owned(),
                Some("for example: { family = \"gpt2\", preset = \"124m\" } or { path = \"~/models/gpt2\" }"),
            ),
            (Some(_), Some(_)) => c.wrong(
                &["model", "family"],
                "`family` and `path` are both given".to_owned(),
                Some("the family of a directory is what its config.json says: leave `family` out"),
            ),
            (None, Some(path)) => {
                let extra = m.preset.as_ref().map(|_| "preset").into_iter();
                for key in extra.chain(m.dimensions.keys().map(String::as_str)).collect::<Vec<_>>() {
                    let help = "the dimensions of a directory are what its config.json says";
                    c.wrong(&["model", key], format!("`{key}` does not go together with `path`"), Some(help));
                }
                if path.as_os_str().is_empty() {
                    c.wrong(&["model", "path"], "the path is empty".to_owned(), None);
                }
            }
            (Some(_), None) => {}
        },
        (None, Some(_)) => {}
    }
    if file.model.is_some() && file.mode.is_none() {
        let help = "one of `inference`, `generate`, `training`";
        c.wrong(&[], "key `mode` is missing".to_owned(), Some(help));
    }
    if let (Some(_), Some(mode)) = (&file.kernel, file.mode.filter(|m| *m != Mode::Inference)) {
        c.wrong(&["mode"], format!("a kernel has no mode `{mode}`"), Some("leave `mode` out"));
    }
}

/// Keys of other modes.
fn belongs(file: &WorkloadFile, c: &mut Checker<'_>) {
    let mode = match (&file.kernel, file.mode) {
        (Some(_), _) => None,
        (None, Some(mode)) => Some(mode),
        (None, None) => return,
    };
    let given = [
        ("batch", file.batch.is_some(), &[Mode::Inference, Mode::Generate, Mode::Training][..]),
        ("prompt", file.prompt.is_some(), &[Mode::Generate]),
        ("new-tokens", file.new_tokens.is_some(), &[Mode::Generate]),
        ("sequence", file.sequence.is_some(), &[Mode::Inference, Mode::Training]),
        ("training", file.training.is_some(), &[Mode::Training]),
    ];
    for (key, is_given, modes) in given {
        let fits = mode.is_some_and(|m| modes.contains(&m));
        if is_given && !fits {
            let at = mode.map_or("a kernel".to_owned(), |m| format!("mode `{m}`"));
            let words: Vec<&str> = modes.iter().map(|m| m.name()).collect();
            let help = match (mode, key) {
                (None, _) => "the shapes of a kernel stand in its `kernel` table".to_owned(),
                (Some(Mode::Generate), "sequence") => {
                    "the lengths of `generate` are `prompt` and `new-tokens`".to_owned()
                }
                (Some(_), "prompt") => "the length of a row is `sequence`".to_owned(),
                _ => format!("it goes with mode {}", suggest::list(&words)),
            };
            c.wrong(&[key], format!("`{key}` does not belong to {at}"), Some(&help));
        }
    }
}

fn parity(table: &ParityTable, file: &WorkloadFile, c: &mut Checker<'_>) {
    let generate = file.mode == Some(Mode::Generate);
    for (key, value, most, fits) in [
        ("batch", table.batch, MAX_BATCH, file.kernel.is_none()),
        ("prompt", table.prompt, MAX_TOKENS, generate),
        ("new-tokens", table.new_tokens, MAX_TOKENS, generate),
        ("sequence", table.sequence, MAX_TOKENS, file.kernel.is_none() && !generate),
    ] {
        c.count(&["parity", key], value, 1, most);
        if value.is_some() && !fits {
            let message = format!("`{key}` does not belong to this workload's mode");
            c.wrong(&["parity", key], message, Some("a parity table resizes what the workload has"));
        }
    }
}

fn training(table: &TrainingTable, file: &WorkloadFile, c: &mut Checker<'_>) {
    let at = |key: &'static str| ["training", key];
    c.count(&at("steps"), table.steps, 1, MAX_STEPS);
    c.number(&at("clip-norm"), table.clip_norm, 0.0, false, 1e9);
    match &table.optimizer {
        Some(OptimizerTable::Sgd { momentum }) => {
            below_one(c, &["training", "optimizer", "sgd", "momentum"], *momentum);
        }
        Some(OptimizerTable::AdamW { beta1, beta2, eps, weight_decay, .. }) => {
            below_one(c, &["training", "optimizer", "adamw", "beta1"], *beta1);
            below_one(c, &["training", "optimizer", "adamw", "beta2"], *beta2);
            c.number(&["training", "optimizer", "adamw", "eps"], Some(*eps), 0.0, false, 1.0);
            c.number(
                &["training", "optimizer", "adamw", "weight-decay"],
                Some(*weight_decay),
                0.0,
                true,
                1e3,
            );
        }
        None => {}
    }
    match &table.schedule {
        Some(ScheduleTable::Constant { rate }) => {
            c.number(&["training", "schedule", "constant", "rate"], Some(*rate), 0.0, false, 1e3);
        }
        Some(ScheduleTable::WarmupCosine { rate, floor, warmup, steps }) => {
            let at = |key: &'static str| ["training", "schedule", "warmup-cosine", key];
            c.number(&at("rate"), Some(*rate), 0.0, false, 1e3);
            c.number(&at("floor"), Some(*floor), 0.0, true, 1e3);
            c.count(&at("steps"), Some(*steps), 1, MAX_STEPS);
            if floor > rate {
                c.wrong(&at("floor"), format!("`floor` {floor} lies above `rate` {rate}"), None);
            }
            if warmup >= steps {
                let message = format!("`warmup` {warmup} is not over before step `steps` {steps}");
                c.wrong(&at("warmup"), message, None);
            }
        }
        None => {}
    }
    if let Some(data) = &table.data {
        let v = data.validation;
        if !(v > 0.0 && v < 1.0) {
            c.wrong(
                &["training", "data", "validation"],
                format!("`validation` must lie between 0 and 1, not {v}"),
                None,
            );
        }
        if data.text.as_os_str().is_empty() {
            c.wrong(&["training", "data", "text"], "the path is empty".to_owned(), None);
        }
    }
    if let Some(evaluation) = &table.evaluation {
        c.count(&["training", "evaluation", "every"], Some(evaluation.every), 1, MAX_STEPS);
        c.count(&["training", "evaluation", "batches"], Some(evaluation.batches), 1, 1_000_000);
        c.number(&["training", "evaluation", "target"], evaluation.target, 0.0, false, 1e9);
        for (key, missing) in [("data", table.data.is_none()), ("steps", table.steps.is_none())] {
            if missing && file.mode == Some(Mode::Training) {
                let message = format!("`evaluation` needs `{key}`");
                c.wrong(&["training", "evaluation"], message, Some("give it in the `training` table"));
            }
        }
    }
}

fn below_one(c: &mut Checker<'_>, path: &[&str], value: f64) {
    if !(0.0..1.0).contains(&value) {
        let key = path.last().copied().unwrap_or_default();
        c.wrong(path, format!("`{key}` must be at least 0 and below 1, not {value}"), None);
    }
}

/// Checks a suite file.
pub(crate) fn suite(file: &SuiteFile, document: &Document) -> Result<(), WorkloadError> {
    let mut c = Checker { document, mistakes: Vec::new() };
    c.line(&["description"], file.description.as_deref());
    c.number(&["compile-limit"], file.compile_limit, 0.0, false, MAX_SECONDS);
    times(&mut c, &[], file.trials, file.time_limit, &file.warmup, &file.sampling);
    c.no_repeats(&["backends"], file.backends.as_deref());
    if file.entries.is_empty() {
        c.wrong(
            &["entries"],
            "the suite has no entries".to_owned(),
            Some("for example: [[entries]] workload = \"gemm\""),
        );
    }
    for (i, entry) in file.entries.iter().enumerate() {
        let index = i.to_string();
        let path = ["entries", index.as_str()];
        c.number(&[path[0], path[1], "compile-limit"], entry.compile_limit, 0.0, false, MAX_SECONDS);
        times(&mut c, &path, entry.trials, entry.time_limit, &entry.warmup, &entry.sampling);
        c.no_repeats(&[path[0], path[1], "backends"], entry.backends.as_deref());
        c.no_repeats(&[path[0], path[1], "scenarios"], entry.scenarios.as_deref());
        c.no_repeats(&[path[0], path[1], "numerics"], entry.numerics.as_deref());
        if entry.workload.trim().is_empty() {
            c.wrong(&[path[0], path[1], "workload"], "the name is empty".to_owned(), None);
        }
        for (j, scenario) in entry.scenarios.iter().flatten().enumerate() {
            let Scenario::Server { rate, bounds } = scenario else { continue };
            let number = j.to_string();
            let at = |keys: &[&'static str]| {
                let mut p = vec![path[0], path[1], "scenarios", number.as_str(), "server"];
                p.extend(keys);
                p.into_iter().map(str::to_owned).collect::<Vec<_>>()
            };
            for (keys, value, most) in [
                (&["rate"][..], Some(*rate), 1e9),
                (&["bounds", "latency"], bounds.latency, MAX_SECONDS),
                (&["bounds", "ttft"], bounds.ttft, MAX_SECONDS),
                (&["bounds", "tpot"], bounds.tpot, MAX_SECONDS),
            ] {
                let owned = at(keys);
                let p: Vec<&str> = owned.iter().map(String::as_str).collect();
                c.number(&p, value, 0.0, false, most);
            }
        }
    }
    c.finish()
}

fn times(
    c: &mut Checker<'_>,
    path: &[&str],
    trials: Option<u32>,
    time_limit: Option<f64>,
    warmup: &WarmupTable,
    sampling: &SamplingTable,
) {
    let at = |keys: &[&'static str]| [path, keys].concat();
    c.count(&at(&["trials"]), trials.map(u64::from), 1, 1000);
    c.number(&at(&["time-limit"]), time_limit, 0.0, false, MAX_SECONDS);
    c.number(&at(&["warmup", "min-seconds"]), warmup.min_seconds, 0.0, true, MAX_SECONDS);
    c.number(&at(&["warmup", "max-seconds"]), warmup.max_seconds, 0.0, true, MAX_SECONDS);
    c.count(&at(&["warmup", "min-executions"]), warmup.min_executions, 0, 1_000_000);
    if let (Some(low), Some(high)) = (warmup.min_seconds, warmup.max_seconds)
        && low > high
    {
        c.wrong(
            &at(&["warmup", "min-seconds"]),
            format!("`min-seconds` {low} lies above `max-seconds` {high}"),
            None,
        );
    }
    c.number(&at(&["sampling", "seconds"]), sampling.seconds, 0.0, true, MAX_SECONDS);
    c.count(&at(&["sampling", "min-samples"]), sampling.min_samples, 1, 100_000_000);
    c.count(&at(&["sampling", "max-samples"]), sampling.max_samples, 1, 100_000_000);
    c.number(&at(&["sampling", "min-sample-seconds"]), sampling.min_sample_seconds, 0.0, true, 60.0);
    if let (Some(low), Some(high)) = (sampling.min_samples, sampling.max_samples)
        && low > high
    {
        c.wrong(
            &at(&["sampling", "min-samples"]),
            format!("`min-samples` {low} lies above `max-samples` {high}"),
            None,
        );
    }
}
