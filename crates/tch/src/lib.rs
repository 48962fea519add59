//! libtorch as a back end, on the CPU and on CUDA GPUs; on NeuronCores for TorchScript that torch_neuronx traced.
//!
//! Programs run op by op through tch's fallible calls, resolved beforehand into a [`portbench_backend::plan::Plan`]. The program `portbench-worker-tch` serves it;
//! nothing else in the house links libtorch. One build serves CPU and CUDA: the CUDA library is opened when a CUDA device is asked for.

mod backend;
mod convert;
mod device;
mod error;
mod executable;
mod kernels;
mod layout;
mod library;
mod module;
mod neuron;
mod optimizer;
mod support;
mod switches;
mod training;
mod version;

pub use backend::TchBackend;
