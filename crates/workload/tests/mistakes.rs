//! What people read when a file is wrong.

use std::fmt::Write as _;

use portbench_workload::{Suite, Workload};

const GOOD: &str = "model = { family = \"gpt2\", preset = \"124m\" }\n";

/// Name and text of wrong workload files.
fn workloads() -> Vec<(&'static str, Vec<u8>)> {
    let text = |s: &str| s.as_bytes().to_vec();
    let model = |rest: &str| [GOOD.as_bytes(), rest.as_bytes()].concat();
    vec![
        ("empty", text("")),
        ("blank", text("\n  \n")),
        ("only a comment", text("# nothing yet\n")),
        ("not TOML", text("model: gpt2\nmode: generate\n")),
        ("unclosed string", model("mode = \"generate\nbatch = 1\n")),
        ("not UTF-8", b"mode = \"inference\"\ndescription = \"caf\xe9\"\n".to_vec()),
        ("misspelt key", model("mode = \"generate\"\npromt = 128\n")),
        ("underscore for hyphen", model("mode = \"generate\"\nnew_tokens = 128\n")),
        ("key without resemblance", model("mode = \"generate\"\nzebra = 1\n")),
        ("misspelt mode", model("mode = \"train\"\n")),
        ("missing mode", text(GOOD)),
        ("missing model", text("mode = \"inference\"\n")),
        (
            "model and kernel",
            model("mode = \"inference\"\nkernel = { op = \"gemm\", m = 1, n = 1, k = 1 }\n"),
        ),
        (
            "kernel with a mode",
            text("mode = \"training\"\nkernel = { op = \"gemm\", m = 1, n = 1, k = 1 }\n"),
        ),
        ("kernel without an op", text("kernel = { m = 1, n = 1, k = 1 }\n")),
        ("kernel with a batch", text("kernel = { op = \"gemm\", m = 1, n = 1, k = 1 }\nbatch = 2\n")),
        (
            "family and path",
            text("mode = \"inference\"\nmodel = { family = \"gpt2\", path = \"x\", layers = 2 }\n"),
        ),
        ("neither family nor path", text("mode = \"inference\"\nmodel = { preset = \"124m\" }\n")),
        ("family of a wrong type", text("mode = \"inference\"\nmodel = { family = 2 }\n")),
        ("model of a wrong type", text("mode = \"inference\"\nmodel = \"gpt2\"\n")),
        ("duplicate key", model("mode = \"inference\"\nbatch = 1\nbatch = 2\n")),
        ("wrong type", model("mode = \"inference\"\nbatch = \"four\"\n")),
        ("fraction for a count", model("mode = \"inference\"\nbatch = 1.5\n")),
        ("zero", model("mode = \"inference\"\nbatch = 0\n")),
        ("negative", model("mode = \"inference\"\nbatch = -3\n")),
        ("enormous", model("mode = \"generate\"\nprompt = 1_000_000_000_000\n")),
        ("beyond 64 bits", model("mode = \"inference\"\nbatch = 99999999999999999999999\n")),
        (
            "several at once",
            model("mode = \"generate\"\nbatch = 0\nprompt = 0\nsequence = 4\nnumerics = []\n"),
        ),
        ("prompt in training", model("mode = \"training\"\nprompt = 4\n")),
        ("training in inference", model("mode = \"inference\"\n[training]\nsteps = 3\n")),
        ("misspelt numerics", model("mode = \"inference\"\nnumerics = [\"f32\", \"fp16\"]\n")),
        ("repeated numerics", model("mode = \"inference\"\nnumerics = [\"f32\", \"bf16\", \"f32\"]\n")),
        ("numerics not a list", model("mode = \"inference\"\nnumerics = \"f32\"\n")),
        ("boundary", model("mode = \"inference\"\nboundary = \"host\"\n")),
        ("optimizer", model("mode = \"training\"\n[training]\noptimizer = { adam = {} }\n")),
        (
            "key of an optimizer",
            model("mode = \"training\"\n[training]\noptimizer = { adamw = { beta_1 = 0.9 } }\n"),
        ),
        ("two optimizers", model("mode = \"training\"\n[training]\noptimizer = { adamw = {}, sgd = {} }\n")),
        ("beta of one", model("mode = \"training\"\n[training.optimizer.adamw]\nbeta2 = 1.0\n")),
        (
            "rate that is not a number",
            model("mode = \"training\"\n[training]\nschedule = { constant = { rate = nan } }\n"),
        ),
        (
            "schedule upside down",
            model(
                "mode = \"training\"\n[training.schedule.warmup-cosine]\nrate = 1e-4\nfloor = 1e-3\nwarmup = 9\nsteps = 9\n",
            ),
        ),
        (
            "evaluation without data",
            model("mode = \"training\"\n[training]\nevaluation = { every = 0, batches = 1 }\n"),
        ),
        (
            "validation of all",
            model("mode = \"training\"\n[training]\ndata = { text = \"a.txt\", validation = 1.0 }\n"),
        ),
        ("parity of another mode", model("mode = \"inference\"\n[parity]\nprompt = 3\nbatch = 0\n")),
        ("two-line description", model("mode = \"inference\"\ndescription = \"a\\nb\"\n")),
        ("a very long line", {
            let mut line = model("mode = \"inference\"\nnumerics = [");
            line.extend("\"f32\", ".repeat(60).into_bytes());
            line.extend(b"\"f31\"]\n");
            line
        }),
        ("control characters", model("mode = \"inference\"\n\"\\u001b[31mred\" = 1\n")),
    ]
}

fn suites() -> Vec<(&'static str, &'static str)> {
    vec![
        ("empty", ""),
        ("no entries key", "trials = 3\n"),
        ("no entries", "entries = []\n"),
        ("misspelt key of an entry", "[[entries]]\nworkload = \"gemm-1024\"\nscenario = [\"offline\"]\n"),
        ("entry without a workload", "trials = 3\n[[entries]]\nnumerics = [\"f32\"]\n"),
        ("misspelt scenario", "[[entries]]\nworkload = \"gemm-1024\"\nscenarios = [\"off-line\"]\n"),
        ("server without a rate", "[[entries]]\nworkload = \"gemm-1024\"\nscenarios = [\"server\"]\n"),
        (
            "server at rate zero",
            "[[entries]]\nworkload = \"gemm-1024\"\nscenarios = [{ server = { rate = 0.0 } }]\n",
        ),
        (
            "negative bound",
            "[[entries]]\nworkload = \"a\"\nscenarios = [{ server = { rate = 1.0, bounds = { ttft = -1.0 } } }]\n",
        ),
        ("backend", "backends = [\"candle@\", \"x\"]\n[[entries]]\nworkload = \"gemm-1024\"\n"),
        ("trials", "trials = 0\ntime-limit = inf\n[[entries]]\nworkload = \"gemm-1024\"\ntrials = 100000\n"),
        (
            "times crossed",
            "warmup = { min-seconds = 3.0, max-seconds = 1.0 }\n[[entries]]\nworkload = \"gemm-1024\"\n",
        ),
    ]
}

#[test]
fn every_mistake_names_file_place_and_way_out() {
    let mut out = String::new();
    for (name, bytes) in workloads() {
        let error = Workload::from_bytes("bad.toml", None, bytes).expect_err(name);
        let _ = writeln!(out, "--- {name}\n{error}\n");
    }
    for (name, text) in suites() {
        let error = Suite::from_bytes("bad-suite.toml", None, text.as_bytes().to_vec()).expect_err(name);
        let _ = writeln!(out, "--- suite: {name}\n{error}\n");
    }
    insta::assert_snapshot!("mistakes", out);
}
