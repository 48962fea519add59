//! A module of the user's own as a workload: a TorchScript file or a NEFF.

use std::fs::File;
use std::path::Path;

use portbench_backend::ParamSource;
use portbench_backend::generate::Recipe;
use portbench_graph::{DType, Program, ProgramBuilder, Type};
use portbench_measure::{InputSource, Inputs, Mode, Numerics, Task, Unit};

use crate::error::WorkloadError;
use crate::file::{ElementType, ModelTable, ModuleInput, ModuleKind};
use crate::resolved::Resolved;
use crate::workload::Workload;

impl Workload {
    /// A program of one op, the module, which its file's hash identifies. Rows are the workload's `batch` if it says one; else the unit of work is the execution.
    pub(crate) fn resolve_module(
        &self,
        kind: ModuleKind,
        file: &Path,
        table: &ModelTable,
        numerics: Numerics,
        seed: u64,
    ) -> Result<Resolved, WorkloadError> {
        self.check_module(table, numerics)?;
        let path = self.path(file);
        let digest = digest(&path).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            let help = kind.made_by().to_owned();
            self.document.wrong(vec![self.document.at(&["model", kind.key()], message, Some(help))])
        })?;
        let program = program(&self.name, &digest, table)
            .map_err(|e| self.unresolved(portbench_backend::with_causes(&e)))?;
        let sources = table
            .inputs
            .iter()
            .map(|input| (input.name.clone(), InputSource::Generated { recipe: recipe(input) }));
        let (unit, units) = match self.file.batch {
            Some(rows) => (Unit::Samples, rows),
            None => (Unit::Executions, 1),
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Resolved {
            name: self.name.clone(),
            mode: Mode::Inference,
            numerics,
            model: format!("{} {name}", kind.key()),
            shape: self.file.batch.iter().map(|&rows| ("batch".to_owned(), rows)).collect(),
            unit,
            task: Task::Forward { entry: "forward".into(), units },
            boundary: self.file.boundary.unwrap_or_default(),
            inputs: Inputs { seed, sources: sources.collect(), ..Inputs::default() },
            params: ParamSource::Module { file: path },
            program,
            parity: None,
        })
    }
}

impl Workload {
    /// What the file says of a module beside its tensors has to agree with them: nothing else would notice.
    fn check_module(&self, table: &ModelTable, numerics: Numerics) -> Result<(), WorkloadError> {
        let wrong = |key: &str, message: String, help: &str| {
            self.document.wrong(vec![self.document.at(&[key], message, Some(help.to_owned()))])
        };
        if let Some(rows) = self.file.batch
            && !table.inputs.iter().any(|input| input.shape.first() == Some(&rows))
        {
            let message = format!("`batch` is {rows}, but no input has {rows} rows");
            return Err(wrong(
                "batch",
                message,
                "rows are what an execution is counted in: the first size of an input",
            ));
        }
        let inputs = table.inputs.iter().map(|input| input.dtype);
        let outputs = table.outputs.iter().map(|output| output.dtype);
        let floats: Vec<DType> = inputs.chain(outputs).map(dtype).filter(|dtype| dtype.is_float()).collect();
        let stored = numerics.storage(Mode::Inference);
        if !floats.is_empty() && !floats.contains(&stored) {
            let message =
                format!("a module without {stored} inputs and outputs does not compute in {numerics}");
            return Err(wrong(
                "numerics",
                message,
                "a module computes in the element type that it was saved in: name that one",
            ));
        }
        Ok(())
    }
}

/// BLAKE3 of a file.
fn digest(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

fn program(name: &str, digest: &str, table: &ModelTable) -> Result<Program, portbench_graph::GraphError> {
    let mut program = ProgramBuilder::new(name, DType::F32);
    program.entry("forward", |g| {
        let inputs: Vec<_> = table.inputs.iter().map(|i| g.input(&i.name, ty(i.dtype, &i.shape))).collect();
        for (index, output) in table.outputs.iter().enumerate() {
            let value = g.module(digest, Some(index), ty(output.dtype, &output.shape), &inputs);
            g.output(&output.name, value);
        }
        if table.outputs.is_empty() {
            let value = g.module(digest, None, Type::new(DType::I64, []), &inputs);
            g.output("tensors", value);
        }
    });
    program.finish()
}

fn dtype(element: ElementType) -> DType {
    match element {
        ElementType::F64 => DType::F64,
        ElementType::F32 => DType::F32,
        ElementType::Bf16 => DType::Bf16,
        ElementType::F16 => DType::F16,
        ElementType::I64 => DType::I64,
        ElementType::Bool => DType::Bool,
    }
}

fn ty(element: ElementType, shape: &[u64]) -> Type {
    // Checked when the file was read: no size is beyond what memory can address.
    Type::new(dtype(element), &shape.iter().map(|&n| n as usize).collect::<Vec<_>>()[..])
}

fn recipe(input: &ModuleInput) -> Recipe {
    match (input.value, input.below) {
        (Some(value), _) => Recipe::Constant { value },
        (None, Some(below)) => Recipe::Integers { low: 0, high: i64::try_from(below).unwrap_or(i64::MAX) },
        (None, None) => Recipe::Normal { std: 1.0 },
    }
}
