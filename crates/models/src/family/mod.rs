//! One file a family.

pub(crate) mod bert;
pub(crate) mod gpt2;
pub(crate) mod kernel;
pub(crate) mod llama;
pub(crate) mod mlp;
pub(crate) mod resnet;
pub(crate) mod vit;
