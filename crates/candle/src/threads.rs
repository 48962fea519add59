//! How many threads candle's CPU kernels use.
//!
//! candle reads `RAYON_NUM_THREADS` (matrix products) and `CANDLE_NUM_THREADS` (element-wise kernels) from the environment of the
//! process and falls back to the number of physical cores; a running process cannot change either. So a count is asked for
//! before the process starts, and checked here.

use portbench_backend::BackendError;

/// Threads in force in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// Pieces that matrix products are split into.
    pub matmul: usize,
    /// Threads of element-wise kernels.
    pub elementwise: usize,
    /// Threads of the pool that runs the pieces and the row-wise kernels.
    pub pool: usize,
}

impl Threads {
    /// What candle uses in this process.
    #[must_use]
    pub fn in_force() -> Self {
        let matmul = candle_core::utils::get_num_threads();
        let elementwise = std::env::var("CANDLE_NUM_THREADS")
            .ok()
            .and_then(|s| s.parse().ok())
            .filter(|n| *n > 0)
            .unwrap_or(matmul);
        Self { matmul, elementwise, pool: rayon::current_num_threads() }
    }

    /// What a process for candle is best started with, where nobody asks for a count: the physical cores, of those that this process may use. Without the variable candle reads
    /// /proc/cpuinfo before every matrix product (candle-core 0.11, `get_num_threads`), which takes longer than a small product does, and longer the more CPUs there are.
    #[must_use]
    pub fn preferred() -> usize {
        let usable = std::thread::available_parallelism().map_or(usize::MAX, std::num::NonZero::get);
        candle_core::utils::get_num_threads().min(usable).max(1)
    }

    /// Sizes the pool to what candle splits its work into, where nothing has started the pool yet. Without this, a process with
    /// more logical than physical cores would use one count for some kernels and the other count for the rest.
    pub(crate) fn settle() -> Self {
        let matmul = candle_core::utils::get_num_threads();
        // An error says that the pool runs already; its size is reported as it is.
        let _already_started = rayon::ThreadPoolBuilder::new().num_threads(matmul).build_global();
        Self::in_force()
    }

    /// Checks that every kernel uses `wanted` threads.
    pub(crate) fn require(self, wanted: usize) -> Result<(), BackendError> {
        if [self.matmul, self.elementwise, self.pool].iter().all(|n| *n == wanted) {
            return Ok(());
        }
        Err(BackendError::Unavailable {
            what: format!(
                "candle on {wanted} threads (this process has {} for matrix products, {} for element-wise kernels, {} in the pool)",
                self.matmul, self.elementwise, self.pool
            ),
            hint: format!(
                "start the process with RAYON_NUM_THREADS={wanted} in its environment and without CANDLE_NUM_THREADS"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_count_names_the_way_out() {
        let threads = Threads { matmul: 2, elementwise: 2, pool: 4 };
        let text = threads.require(2).unwrap_err().to_string();
        assert!(text.contains("RAYON_NUM_THREADS=2"), "{text}");
        assert!(Threads { matmul: 2, elementwise: 2, pool: 2 }.require(2).is_ok());
    }
}
