//! libtorch's fused AdamW over all parameters at once. The bindings leave it out; `fused.cpp` calls it.
#![expect(unsafe_code, reason = "a C++ function of our own, compiled by the build script")]

use std::ffi::{CStr, c_char};

use tch::{TchError, Tensor};

/// A tensor as the bindings hold it: `at::Tensor`.
type Raw = *const torch_sys::C_tensor;

unsafe extern "C" {
    fn portbench_fused_adamw(
        count: usize,
        params: *const Raw,
        grads: *const Raw,
        firsts: *const Raw,
        seconds: *const Raw,
        step: Raw,
        rate: f64,
        beta1: f64,
        beta2: f64,
        weight_decay: f64,
        eps: f64,
    ) -> *mut c_char;
    fn portbench_text_free(text: *mut c_char);
}

/// The numbers of one update.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdamW {
    pub(super) rate: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) weight_decay: f64,
    pub(super) eps: f64,
}

/// Tensors of one group of parameters, in the same order, of one element type, contiguous, on one device.
#[derive(Default)]
pub(super) struct Group {
    pub(super) params: Vec<Tensor>,
    pub(super) grads: Vec<Tensor>,
    pub(super) firsts: Vec<Tensor>,
    pub(super) seconds: Vec<Tensor>,
}

impl Group {
    /// Updates parameters and moments in place. `step` is a scalar `f32` on their device: the steps taken, this one included.
    pub(super) fn update(&self, step: &Tensor, by: AdamW) -> Result<(), TchError> {
        if self.params.is_empty() {
            return Ok(());
        }
        let raw = |tensors: &[Tensor]| tensors.iter().map(Tensor::as_ptr).collect::<Vec<Raw>>();
        let [params, grads, firsts, seconds] =
            [&self.params, &self.grads, &self.firsts, &self.seconds].map(|tensors| raw(tensors));
        // SAFETY: four lists of as many tensors, alive during the call; the function writes into the memory that they name and keeps none of them.
        let said = unsafe {
            portbench_fused_adamw(
                params.len(),
                params.as_ptr(),
                grads.as_ptr(),
                firsts.as_ptr(),
                seconds.as_ptr(),
                step.as_ptr(),
                by.rate,
                by.beta1,
                by.beta2,
                by.weight_decay,
                by.eps,
            )
        };
        if said.is_null() {
            return Ok(());
        }
        // SAFETY: not null, so a text that ends in zero and is ours to free.
        let text = unsafe { CStr::from_ptr(said) }.to_string_lossy().into_owned();
        // SAFETY: made by the function above, freed once.
        unsafe { portbench_text_free(said) };
        Err(TchError::Torch(text))
    }
}
