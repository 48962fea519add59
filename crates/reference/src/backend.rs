//! The backend: what it is, what it runs, and compiling.

use portbench_backend::{
    Backend, BackendError, BackendInfo, CompileOptions, Executable, ParamSource, Support, Use, lower,
};
use portbench_graph::{Op, Program, Type};

use crate::eval::composite::rounds_alike;
use crate::executable::ReferenceExecutable;
use crate::precision::Precision;

/// The reference interpreter, on the host's CPU.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    precision: Precision,
}

impl Reference {
    /// Interpreter of this precision.
    #[must_use]
    pub fn new(precision: Precision) -> Self {
        Self { precision }
    }

    /// [`Precision::Exact`]: the golden.
    #[must_use]
    pub fn exact() -> Self {
        Self::new(Precision::Exact)
    }

    /// [`Precision::Rounded`]: the same-dtype baseline.
    #[must_use]
    pub fn rounded() -> Self {
        Self::new(Precision::Rounded)
    }
}

impl Backend for Reference {
    fn info(&self) -> BackendInfo {
        let precision = match self.precision {
            Precision::Exact => "exact".to_owned(),
            Precision::Rounded => "rounded".to_owned(),
            Precision::NarrowProducts(narrow) => format!("rounded, products of {narrow}"),
            Precision::Narrow(narrow) => format!("rounded, f32 to {narrow}"),
        };
        BackendInfo {
            backend: "reference".into(),
            device: "cpu".into(),
            versions: [("portbench".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
            settings: [
                ("precision".to_owned(), precision),
                ("threads".to_owned(), rayon::current_num_threads().to_string()),
            ]
            .into(),
        }
    }

    fn support(&self, op: &Op, _: &[&Type], _: &Type, use_: Use) -> Support {
        if let Op::Module { .. } = op {
            return Support::Unsupported {
                reason: "nobody but its library knows what a module computes".into(),
            };
        }
        match (self.precision, use_) {
            _ if !op.is_composite() => Support::Native { kernel: "interpreter" },
            _ if rounds_alike(op) => Support::Native { kernel: "direct formula" },
            (Precision::Exact, Use::Training) => {
                Support::Decompose { reason: "its gradient is that of its core ops" }
            }
            (Precision::Exact, Use::Inference) => Support::Native { kernel: "direct formula" },
            (Precision::Rounded | Precision::NarrowProducts(_) | Precision::Narrow(_), _) => {
                Support::Decompose { reason: "every step is rounded" }
            }
        }
    }

    fn compile(
        &mut self,
        program: &Program,
        params: &ParamSource,
        options: &CompileOptions,
    ) -> Result<Box<dyn Executable>, BackendError> {
        let (program, lowering) = lower(program, self, options)?;
        let executable =
            ReferenceExecutable::new(self.precision, program, lowering, params, options.threads)?;
        Ok(Box::new(executable))
    }
}
