//! The files of `workloads/`, part of the program, so that it works in any directory. A test holds the lists against the folder.

macro_rules! texts {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../workloads/", $folder, $name, ".toml")))),*]
    };
}

/// Name and text of every workload.
pub(crate) const WORKLOADS: &[(&str, &str)] = texts!("":
    "attention-decode", "attention-prefill", "bert-base-inference", "bert-large-inference", "conv2d", "embedding-gather",
    "gemm-1024", "gemm-2048", "gemm-4096", "gemm-8192", "gpt2-124m-chat", "gpt2-124m-generate", "gpt2-124m-inference", "gpt2-124m-pretraining", "gpt2-124m-training", "layer-norm",
    "llama-3.1-70b-generate", "llama-3.1-8b-chat", "llama-3.1-8b-generate", "llama-3.1-8b-inference", "llama-3.2-1b-generate", "minilm-l6-inference", "mixtral-8x7b-generate",
    "mlp-training", "nano-gpt-training", "resnet-50-inference", "resnet-50-single", "rms-norm", "shakespeare-char-training", "softmax", "stream", "vit-b-16-inference",
);

/// Name and text of every suite.
pub(crate) const SUITES: &[(&str, &str)] =
    texts!("suites/": "cpu", "gpu", "gpu-pytorch", "nightly", "nightly-trn", "quick");
