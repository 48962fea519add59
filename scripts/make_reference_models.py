#!/usr/bin/env python3
"""Writes what the Rust tests are held against, made by transformers and torch: models, their outputs, f64 goldens.

    scripts/setup-python && .venv/bin/python scripts/make_reference_models.py [--out target/reference-models] [--force]

A second call with the same scripts, requirements and versions does nothing. All randomness is seeded.

Model directories
-----------------
Each `<out>/<name>/` has config.json and model.safetensors as `save_pretrained` writes them, plus
`inputs.safetensors` and `expected.safetensors` (float32 outputs of transformers' eager CPU model; ids and masks int64).

    name            inputs                                          expected
    gpt2            input_ids [2,24], prompt [2,12]                 logits, last_hidden_state, greedy [2,32]
    gpt2-bare       as gpt2, the same model: tensor names without `transformer.`, as in the published checkpoints
    llama           as gpt2: grouped queries (8 over 2), untied output head
    llama-tied      as gpt2: Llama-3 rope scaling, tied head; config.json has rope_theta and rope_scaling
    llama-sharded   as gpt2: no grouping; model.safetensors.index.json and several model-0000x-of-0000y.safetensors
    mistral         as gpt2: head_dim of its own (16); rope_theta, rope_scaling null
    qwen2           as gpt2: biases on q, k and v
    qwen3           as gpt2: norms on q and k, head_dim 32 (4 heads over 64 wide), tied
    mixtral         as gpt2: 4 experts, 2 a token
    bert            input_ids, attention_mask (right-padded),       last_hidden_state, pooler_output [3,64],
                    token_type_ids [3,20]                           sentence_embedding [3,64] (masked mean, L2 norm)
    minilm          as bert, [5,S]; sentences.json has the text     as bert, 384 wide; the real all-MiniLM-L6-v2
    vit             pixel_values [2,3,32,32]                        logits [2,10], last_hidden_state [2,17,64]
    resnet          pixel_values [2,3,64,64]                        logits [2,10], last_hidden_state [2,128,2,2]

llama, llama-sharded, qwen2, qwen3 and mixtral keep transformers 5's `rope_parameters: {rope_type, rope_theta, ..}` in
config.json; llama-tied and mistral have the keys of checkpoints published before it. `last_hidden_state` of a decoder
is after the final norm. `greedy` are the tokens that follow `prompt` (`generate`, do_sample=False, no end-of-sequence
token); weights are chosen so that the two best logits are at least 0.002 apart at every step. Values at masked
positions of last_hidden_state in bert and minilm are what transformers gives there.

TorchScript files in `<out>/torchscript/`, with inputs.safetensors and expected.safetensors over all of them
------------------------------------------------------------------------------------------------------------
traced.pt       torch.jit.trace: x f32 [2,3,16,16] -> features [2,8]
scripted.pt     torch.jit.script: input_ids i64 [2,6], scale f32 [] -> (tags [2,6,5], {"last": [1,2,16]})
state.pt, legacy.pt
                what torch.save makes, an archive and a bare pickle: no modules

Goldens, all float64, in `<out>/goldens/`
-----------------------------------------
ops.json        {case: {"op": the op as the graph's JSON form has it, "operands": how many}}
ops.safetensors `<case>/0`, `<case>/1`, ..: operands (f64, i64 or bool); `<case>/out`; where there are gradients, also
                `<case>/cotangent` and `<case>/grad/<i>`: the gradient of sum(out * cotangent) by float operand i.
training.json   {case: {"model": directory relative to goldens/, "train": the graph's TrainSpec in JSON}}
                for gpt2-adamw, gpt2-sgd, llama-adamw, llama-sgd
training/gpt2, training/llama
                the starting weights (float32 files; all arithmetic after that is float64, rotary tables included)
training.safetensors, by case
                `<case>/input_ids`, `<case>/labels` i64 [3,2,12]: one batch a step; labels[b,s] is the token after
                input_ids[b,s], nothing is left to shift; the loss is the mean over all 24;
                `<case>/loss` [3] before each update; `<case>/grad_norm` [3], global, before clipping;
                `<case>/grad/<parameter>`: first step, before clipping;
                `<case>/param1/<parameter>`, `param2`, `param3`: parameters after each step.
                Parameters have the checkpoint's names; a tied head has the embedding's name only.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Parses the command line, writes what is missing."""
    parser = argparse.ArgumentParser(description="Write the reference models and goldens that the tests read.")
    parser.add_argument("--out", type=Path, default=ROOT / "target" / "reference-models")
    parser.add_argument("--force", action="store_true", help="write them even if they are there")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    stamp, want = out / "stamp", fingerprint()
    if not arguments.force and stamp.is_file() and stamp.read_text(encoding="utf-8") == want:
        return 0
    started = time.monotonic()
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_all(fresh)
    (fresh / "stamp").write_text(want, encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    print(f"reference models: {out} ({time.monotonic() - started:.0f} s)", file=sys.stderr)
    return 0


def fingerprint() -> str:
    """Hash of everything that decides what is written."""
    scripts = Path(__file__).resolve().parent
    digest = hashlib.sha256(sys.version.encode())
    parts = sorted((scripts / "reference_models").glob("*.py"))
    for path in [scripts / "requirements.txt", Path(__file__).resolve(), *parts]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def write_all(out: Path) -> None:
    """Every model and golden; one thread, so that sums have one order.

    Imports here: the variables must be set first, and a call that finds its work done must not wait for torch.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    import torch
    import transformers

    from reference_models import decoders, encoders, modules, ops, training, vision

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    decoders.write_decoders(out)
    encoders.write_bert(out / "bert")
    encoders.write_minilm(out / "minilm")
    vision.write_vit(out / "vit")
    vision.write_resnet(out / "resnet")
    modules.write_modules(out / "torchscript")
    ops.write_ops(out / "goldens")
    training.write_training(out / "goldens")


if __name__ == "__main__":
    sys.exit(main())
