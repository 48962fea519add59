#!/usr/bin/env python3
"""The libtorch back end against transformers: same weights, threads and element type, taking turns in one run.

    scripts/setup-libtorch && .venv/bin/python benches/against_transformers.py [--device cpu] [--dtype f32]

Writes a model directory with random weights as `save_pretrained` does, has `portbench run --backend tch` measure it,
has transformers run the same work eagerly and under `torch.compile`, and does that several times in turn, each time in
new processes. Prints, for each kind of work, the median time of each and how many times faster portbench is than each
of the two, with the extremes over the rounds. A missed target is said to be missed; nothing asserts a time.

Work: prefill (time to the first token) and decode (time per further token) at batch 1 and 8, and one AdamW step, on
inputs of the same shapes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import transformers

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "target" / "release" / "portbench"
DTYPES = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}
# Published dimensions; GPT-2's are transformers' defaults.
MODELS = {
    "gpt2-124m": ("GPT2Config", {}),
    "llama-1b": (
        "LlamaConfig",
        {
            "vocab_size": 128256,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "max_position_embeddings": 4096,
            "rope_theta": 500000.0,
            "tie_word_embeddings": True,
        },
    ),
}
PROMPT, NEW_TOKENS, SEQUENCE = 128, 32, 64
# Design targets: portbench over eager transformers, on a CPU.
TARGETS = {"prefill": 1.0, "decode": 1.3, "training": 1.0}


def main() -> int:
    """Runs the rounds, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--device", default="cpu", help="cpu, or cuda:0")
    parser.add_argument("--dtype", default="f32", choices=DTYPES)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", action="append", choices=MODELS, help="gpt2-124m if not given; may be repeated")
    parser.add_argument("--batch", action="append", type=int, help="1 and 8 if not given")
    parser.add_argument("--mode", choices=["generate", "training"], help="both if not given")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out: it takes minutes on a CPU")
    parser.add_argument("--portbench", type=Path, default=BUILT, help="the program (default: the release build)")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(transformers_times(json.loads(arguments.measure))))
        return 0
    if not arguments.portbench.is_file() or not arguments.portbench.with_name("portbench-worker-tch").is_file():
        print("against_transformers: build first: cargo build --release && scripts/setup-libtorch", file=sys.stderr)
        return 2
    for name in arguments.model or ["gpt2-124m"]:
        with tempfile.TemporaryDirectory() as folder:
            write_model(name, Path(folder) / "model")
            if arguments.mode != "training":
                for batch in arguments.batch or [1, 8]:
                    compare(name, Path(folder), "generate", batch, arguments)
            if arguments.mode != "generate":
                compare(name, Path(folder), "training", 1, arguments)
    return 0


def write_model(name: str, folder: Path) -> None:
    """A model of these dimensions with seeded random weights."""
    torch.manual_seed(0)
    kind, dimensions = MODELS[name]
    config = getattr(transformers, kind)(**dimensions)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)


def compare(name: str, folder: Path, mode: str, batch: int, arguments: argparse.Namespace) -> None:
    """Everybody in turn, `rounds` times; prints one line a metric."""
    work = {
        "model": str(folder / "model"),
        "mode": mode,
        "batch": batch,
        "device": arguments.device,
        "dtype": arguments.dtype,
        "threads": arguments.threads,
        "portbench": str(arguments.portbench.resolve()),
    }
    engines = ["eager"] if arguments.no_compile else ["eager", "compile"]
    rounds: dict[str, list[dict[str, float]]] = {who: [] for who in ["portbench", *engines]}
    for _ in range(arguments.rounds):
        rounds["portbench"].append(portbench_times(work, folder))
        for engine in engines:
            command = [sys.executable, __file__, "--measure", json.dumps(work | {"engine": engine})]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment(work))
            rounds[engine].append(json.loads(answer.stdout.splitlines()[-1]))
    for metric in rounds["portbench"][0]:
        ours = [times[metric] for times in rounds["portbench"]]
        words = [f"{name} {mode} batch {batch} {arguments.dtype} {arguments.device}: {metric}"]
        words.append(f"portbench {statistics.median(ours) * 1e3:.2f} ms")
        for engine in engines:
            theirs = [times[metric] for times in rounds[engine]]
            ratios = [t / o for t, o in zip(theirs, ours, strict=True)]
            speed = statistics.median(ratios)
            words.append(
                f"{engine} {statistics.median(theirs) * 1e3:.2f} ms, portbench {speed:.2f} times as fast"
                f" [{min(ratios):.2f}, {max(ratios):.2f}]"
            )
            if engine == "eager" and arguments.device == "cpu":
                verdict = "met" if speed >= TARGETS[metric] else "missed"
                words.append(f"target {TARGETS[metric]} {verdict}")
        print("; ".join(words), flush=True)


def environment(work: dict) -> dict[str, str]:
    """The same number of threads for everybody."""
    return os.environ | {"OMP_NUM_THREADS": str(work["threads"]), "HF_HUB_OFFLINE": "1"}


def portbench_times(work: dict, folder: Path) -> dict[str, float]:
    """Medians of one run of the libtorch back end over the model's directory."""
    sizes = f"prompt = {PROMPT}\nnew-tokens = {NEW_TOKENS}" if work["mode"] == "generate" else f"sequence = {SEQUENCE}"
    workload = (
        f'model = {{ path = {json.dumps(work["model"])} }}\nmode = "{work["mode"]}"\nbatch = {work["batch"]}\n'
        f'numerics = ["{work["dtype"]}"]\n{sizes}\n'
    )
    (folder / "workload.toml").write_text(workload, encoding="utf-8")
    results = folder / "results"
    command = [work["portbench"], "run", folder / "workload.toml", "--backend", f"tch@{work['device']}"]
    command += ["--trials", "1"]
    command += ["--threads", str(work["threads"]), "--results", results, "--no-report", "--format", "json"]
    answer = subprocess.run(command, check=True, capture_output=True, env=environment(work))
    (row,) = json.loads(answer.stdout)
    figures = {figure["metric"]: figure for figure in row["figures"]}

    def median(metric: str) -> float:
        return statistics.median(figures[metric]["trials"])

    if work["mode"] == "training":
        return {"training": median("latency-p50")}
    return {"prefill": median("ttft-p50"), "decode": median("tpot-p50")}


def transformers_times(work: dict) -> dict[str, float]:
    """Medians of transformers on the same work, in this process."""
    torch.set_num_threads(work["threads"])
    torch.manual_seed(1)
    device = torch.device(work["device"])
    trains = work["mode"] == "training"
    model = transformers.AutoModelForCausalLM.from_pretrained(
        work["model"], dtype=getattr(torch, DTYPES[work["dtype"]])
    )
    model = model.to(device).train(trains)
    length = SEQUENCE if trains else PROMPT
    ids = torch.randint(0, model.config.vocab_size, (work["batch"], length), device=device)

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    return training_times(model, ids, work, wait) if trains else generate_times(model, ids, work, wait)


def generate_times(model: torch.nn.Module, ids: torch.Tensor, work: dict, wait: Callable[[], None]) -> dict[str, float]:
    """Prefill and decode over a cache, greedily, as `generate` does without its bookkeeping."""
    forward = torch.compile(model) if work["engine"] == "compile" else model
    first, further = [], []
    with torch.inference_mode():
        for _ in range(2 + 5):
            if work["engine"] == "compile":
                cache = transformers.StaticCache(model.config, max_cache_len=PROMPT + NEW_TOKENS)
            else:
                cache = transformers.DynamicCache(config=model.config)
            start = time.perf_counter()
            out = forward(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            token = out.logits[:, -1].argmax(-1, keepdim=True)
            token.cpu()
            then = time.perf_counter()
            for _ in range(NEW_TOKENS - 1):
                out = forward(input_ids=token, past_key_values=cache, use_cache=True, logits_to_keep=1)
                token = out.logits[:, -1].argmax(-1, keepdim=True)
                token.cpu()
            wait()
            first.append(then - start)
            further.append((time.perf_counter() - then) / (NEW_TOKENS - 1))
    # The first two warm up.
    return {"prefill": statistics.median(first[2:]), "decode": statistics.median(further[2:])}


def training_times(model: torch.nn.Module, ids: torch.Tensor, work: dict, wait: Callable[[], None]) -> dict[str, float]:
    """One AdamW step: forward, loss, backward, update."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)
    forward = torch.compile(model) if work["engine"] == "compile" else model
    times = []
    for _ in range(2 + 7):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = forward(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        loss.item()
        wait()
        times.append(time.perf_counter() - start)
    return {"training": statistics.median(times[2:])}


if __name__ == "__main__":
    sys.exit(main())
