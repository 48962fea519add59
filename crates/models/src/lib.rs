//! Model families and single kernels as graphs, from dimensions, presets or Hugging Face directories.
//!
//! A [`Model`] is a family with its dimensions; [`Model::program`] builds the program of a [`Form`]. Parameters have the names that the
//! family's checkpoints have. Entries and tensors have the names of transformers:
//!
//! | form | entries | inputs | outputs |
//! |---|---|---|---|
//! | forward | `forward` | `input_ids`, `attention_mask`, `token_type_ids`, `pixel_values`, `features` | `logits`, `last_hidden_state`, `pooler_output`, `sentence_embedding`; of kernels `out` |
//! | generate | `prefill`, `decode` | `input_ids [B,S]`, `position` (of the first token) | `logits [B,V]` of the last position, `next [B]`; state `k.N`, `v.N` |
//! | training | `train`, `eval` | the forward form's, and `labels` | `loss` |
//!
//! Labels of decoders are the tokens that follow: nothing is shifted inside.
//!
//! Not in this crate: values (`portbench-backend`), files of workloads, anything that executes.

mod check;
mod checkpoint;
mod config;
mod decoder;
mod directory;
mod error;
mod family;
mod model;
mod parts;
mod preset;
mod request;

pub use config::MODEL_TYPES;
pub use directory::ModelDirectory;
pub use error::ModelError;
pub use family::bert::Bert;
pub use family::gpt2::Gpt2;
pub use family::kernel::Kernel;
pub use family::llama::{Experts, Llama, RopeScaling};
pub use family::mlp::Mlp;
pub use family::resnet::Resnet;
pub use family::vit::Vit;
pub use model::Model;
pub use parts::Activation;
pub use preset::{families, presets};
pub use request::{Form, InputKind, Request};
