//! Trees, notebooks, the scorecard.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use portbench_migrate::{
    Execution, Kind, Language, Matcher, MigrateError, Options, Report, Rules, Severity, Stack, Tree, Wanted,
    Work, scan,
};

use common::scanned;

fn write(root: &Path, files: &[(&str, &[u8])]) {
    for (path, bytes) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn report(root: &Path, wanted: &Wanted) -> Report {
    let tree = Tree::of_paths(&[root.to_owned()], wanted).unwrap();
    scan(&tree, &Matcher::new(Rules::built_in(), Options::default()).unwrap()).unwrap()
}

const CUDA: &[u8] = b"x.cuda()\n";

#[test]
fn what_is_left_out_is_said() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path();
    write(
        root,
        &[
            ("src/a.py", CUDA),
            ("src/b.py", b"x = '\xff'\nx.cuda()\n"),
            (".gitignore", b"built/\n"),
            ("built/c.py", CUDA),
            (".hidden/d.py", CUDA),
            ("third_party/lib/e.py", CUDA),
            ("my-env/pyvenv.cfg", b""),
            ("my-env/lib/f.py", CUDA),
            ("bin.py", b"x.cuda()\0"),
            ("huge.py", &vec![b' '; 2 * 1024 * 1024 + 1]),
            ("README.md", b"x.cuda()\n"),
            ("uv.lock", b"x.cuda()\n"),
            ("run", b"#!/usr/bin/env python3\nx.cuda()\n"),
            ("kernels/k.ptx", b"//\n"),
            ("tests/g.py", CUDA),
        ],
    );
    let wanted = Wanted { exclude: vec!["tests/".into()], ..Wanted::default() };
    let found = report(root, &wanted);
    let short = |path: &str| path.strip_prefix(root.to_str().unwrap()).unwrap().to_owned();
    let paths: Vec<String> = found.findings.iter().map(|f| short(&f.path)).collect();
    assert_eq!(paths, ["/kernels/k.ptx", "/run", "/src/a.py", "/src/b.py"]);
    let read = &found.read;
    assert_eq!((read.files, read.lines), (3, 4));
    assert_eq!((read.other, read.binary, read.huge, read.by_name), (3, 1, 1, 1));
    let names = |paths: &[String]| paths.iter().map(|p| short(p)).collect::<Vec<_>>();
    assert_eq!(names(&read.left_out.hidden), ["/.gitignore", "/.hidden"]);
    assert_eq!(names(&read.left_out.vendored), ["/third_party"]);
    assert_eq!(names(&read.left_out.environments), ["/my-env"]);
    let vendored = report(root, &Wanted { vendored: true, ..wanted });
    assert!(vendored.findings.iter().any(|f| f.path.ends_with("e.py")));

    let file = root.join(".hidden/d.py");
    let tree = Tree::of_paths(&[file.clone(), file], &Wanted::default()).unwrap();
    assert_eq!(tree.entries.len(), 1, "a file that is named is read, once");
    let missing = Tree::of_paths(&[root.join("nowhere")], &Wanted::default()).unwrap_err();
    assert!(missing.to_string().contains("nowhere"), "{missing}");
    let wrong = Wanted { exclude: vec!["a{".into()], ..Wanted::default() };
    assert!(matches!(Tree::of_paths(&[root.to_owned()], &wrong), Err(MigrateError::Exclude { .. })));
}

#[test]
fn files_are_known_by_their_names() {
    let of = |path: &str| Kind::of_path(path).map(|k| (k.language, k.requirements));
    for (path, language, requirements) in [
        ("a/b.py", Language::Python, false),
        ("setup.py", Language::Python, true),
        ("requirements-dev.txt", Language::Requirements, true),
        ("requirements/gpu.txt", Language::Requirements, true),
        ("pyproject.toml", Language::Toml, true),
        ("setup.cfg", Language::Ini, true),
        ("environment.yml", Language::Yaml, true),
        ("deploy.yaml", Language::Yaml, false),
        ("docker/Dockerfile.gpu", Language::Docker, false),
        ("CMakeLists.txt", Language::Cmake, false),
        ("k.CU", Language::Cpp, false),
        ("Cargo.toml", Language::Toml, false),
        ("Makefile", Language::Make, false),
    ] {
        assert_eq!(of(path), Some((language, requirements)), "{path}");
    }
    for path in ["notes.txt", "poetry.lock", "package-lock.json", "data.json", "LICENSE"] {
        assert_eq!(of(path), None, "{path}");
    }
}

#[test]
fn requirements_are_found_wherever_they_stand() {
    let found = scanned(
        &[
            ("pyproject.toml", "[project]\ndependencies = [\"torch\", \"triton==3.0\"]  # flash-attn\n"),
            ("setup.cfg", "[options]\ninstall_requires =\n    deepspeed>=0.14\n"),
            ("environment.yml", "dependencies:\n  - cupy-cuda12x\n  - pip:\n    - bitsandbytes\n"),
            ("setup.py", "setup(install_requires=['xformers'])\n"),
            ("requirements.txt", "--extra-index-url https://example.org/whl/cu124\ntorch==2.6.0+cu124\n"),
        ],
        Options::default(),
    );
    let dependencies = found.findings.iter().filter(|f| f.rule.starts_with("DEP"));
    let words: Vec<String> = dependencies.map(|f| format!("{} {}", f.path, common::words(f))).collect();
    insta::assert_snapshot!(words.join("\n"));
}

/// A library that is to be ported does not depend on itself.
#[test]
fn imports_of_the_code_base_itself_do_not_count() {
    let imports =
        "from flash_attn.ops import f\nimport flash_attn\nimport triton\nfrom .flash_attn import g\n";
    let of = |init: &str| {
        let report = scanned(&[(init, ""), ("flash_attn/f.py", imports)], Options::default());
        let kept = report.findings.iter().filter(|f| f.counts());
        (kept.map(|f| f.rule.clone()).collect::<Vec<_>>(), report.scorecard.suppressed)
    };
    for init in ["flash_attn/__init__.py", "src/flash_attn/__init__.py"] {
        assert_eq!(of(init), (vec!["PY-KER-001".to_owned()], 2), "{init}");
    }
    let ops = of("ops/flash_attn/__init__.py");
    assert_eq!((ops.0.len(), ops.1), (3, 0), "a folder of that name deeper down is none: {:?}", ops.0);
}

#[test]
fn cells_of_notebooks_have_numbers_and_lines() {
    let notebook = r##"{"cells": [
        {"cell_type": "markdown", "source": ["x.cuda()"]},
        {"cell_type": "code", "source": ["!pip install it's\n", "# x.cuda()\n", "x.cuda()"]},
        {"cell_type": "code", "source": "\"\"\"y.cuda()\"\"\"\ny.cuda()  # portbench: allow PY-DEV-001 shown on purpose"}
    ], "metadata": {"kernelspec": {"language": "python"}}}"##;
    let julia = notebook.replace("\"python\"", "\"julia\"");
    let found = scanned(
        &[("a.ipynb", notebook), ("b.ipynb", &julia), ("c.ipynb", "{\"cells\": 1}")],
        Options::default(),
    );
    let places: Vec<_> =
        found.findings.iter().map(|f| (f.cell, f.line, f.column, f.suppressed.is_some())).collect();
    assert_eq!(places, [(Some(2), 3, 2, false), (Some(3), 2, 2, true)]);
    assert_eq!(found.remarks.len(), 2, "{:?}", found.remarks);
    assert_eq!(found.read.lines, 3);
}

#[test]
fn the_scorecard_counts_findings_sites_lines_and_shares() {
    let text = "\
x.cuda(); torch.cuda.synchronize()
def f():
    a.cuda()
    b.cuda()

    c.long()
import triton
# prose
";
    let found = scanned(&[("a.py", text), ("b.py", "x = 1\n"), ("c.py", "")], Options::default());
    let card = &found.scorecard;
    // In the module: .cuda(), synchronize, triton; in f: .cuda() twice, which is one site. `.long()` is context.
    assert_eq!((card.total.findings, card.total.sites, card.total.files, card.total.lines), (5, 4, 1, 4));
    assert_eq!(card.info, 1);
    assert_eq!(card.severities[&Severity::Auto].findings, 3);
    let work = |work| (card.works[&work].sites, card.works[&work].share.unwrap());
    assert_eq!(work(Work::Automatic), (2, 0.5));
    assert_eq!(work(Work::Small), (1, 0.25));
    assert_eq!(work(Work::Rewriting), (1, 0.25));
    assert_eq!(work(Work::Blocker), (0, 0.0));
    assert_eq!(card.files_touched, Some(1.0 / 3.0));
    assert_eq!(card.lines_touched, Some(4.0 / 7.0));
}

#[test]
fn nothing_to_convert_is_no_percentage() {
    let clean = scanned(&[("a.py", "x = 1\n")], Options::default()).scorecard;
    assert!(clean.works.values().all(|share| share.sites == 0 && share.share.is_none()));
    assert_eq!((clean.files_touched, clean.lines_touched), (Some(0.0), Some(0.0)));
    let empty = scanned(&[], Options::default()).scorecard;
    assert_eq!((empty.files_touched, empty.lines_touched), (None, None));
}

#[test]
fn one_code_base_is_another_task_on_another_stack() {
    let text = "class M:\n    def forward(self, x):\n        return x.item()\n";
    let severity = |stack, execution| {
        let options = Options { stack, execution, ..Options::default() };
        let report = scanned(&[("a.py", text)], options);
        assert_eq!(report.stack, stack);
        report.findings[0].severity
    };
    assert_eq!(severity(Stack::TorchNeuron, None), Severity::Medium);
    assert_eq!(severity(Stack::TorchNeuron, Some(Execution::Eager)), Severity::Low);
    assert_eq!(severity(Stack::Xla, None), Severity::High);
    for stack in Stack::ALL {
        assert_eq!(Stack::named(stack.name()), Some(stack));
        assert!(stack.state().contains("SDK") || stack.state().contains("20"), "{stack}");
    }
}

/// What a rewriting port would find in a small trainer, as people read it.
#[test]
fn a_small_trainer() {
    let trainer = "\
import torch
import torch.distributed as dist
from flash_attn import flash_attn_func

device = 'cuda' if torch.cuda.is_available() else 'cpu'
dist.init_process_group(backend='nccl')
scaler = torch.cuda.amp.GradScaler()

class Block(torch.nn.Module):
    def forward(self, x, mask):
        if mask.any():
            x = x[mask]
        return flash_attn_func(x, x, x)

def step(model, x):
    with torch.autocast('cuda'):
        loss = model(x.to('cuda'))
    torch.cuda.synchronize()
    return loss.item()
";
    let found = scanned(&[("train.py", trainer)], Options::default());
    let line = |f: &portbench_migrate::Finding| {
        format!("{} {} {}: {}", common::words(f), f.severity, f.function, f.action)
    };
    let lines: Vec<String> = found.findings.iter().map(line).collect();
    insta::assert_snapshot!(lines.join("\n"));
}
