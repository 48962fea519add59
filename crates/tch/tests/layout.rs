//! Weights of linear layers may lie in memory another way than stored, and nobody sees it but in the time.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::{Backend, CompileOptions, EntryId, Executable, HostTensor, ParamSource};
use portbench_graph::{DType, Init, Program, ProgramBuilder};
use portbench_reference::Reference;
use portbench_tch::TchBackend;

const FORWARD: EntryId = EntryId(0);

/// A look-up in a table and the products of its row with the whole of it, as language models end; in some programs the table is read otherwise as well.
fn tied(rows: usize, width: usize, ids: &[usize], otherwise: bool) -> Program {
    let mut builder = ProgramBuilder::new("tied", DType::F32);
    builder.entry("forward", |g| {
        let id = g.input("id", portbench_graph::Type::new(DType::I64, ids));
        let table = g.param("table", &[rows, width], Init::Normal { std: 0.3 });
        let x = g.embedding(id, table);
        let logits = g.linear(x, table, None);
        g.output("logits", logits);
        if otherwise {
            let turned = g.permute(table, &[1, 0]);
            g.output("turned", turned);
        }
    });
    builder.finish().unwrap()
}

fn compile(backend: &mut dyn Backend, program: &Program) -> Box<dyn Executable> {
    backend.compile(program, &ParamSource::Generated { seed: 3 }, &CompileOptions::default()).unwrap()
}

#[test]
fn what_is_computed_does_not_depend_on_where_weights_lie() {
    let program = tied(8192, 512, &[1], false);
    let mut tch = TchBackend::new("cpu").unwrap();
    let mut ours = compile(&mut tch, &program);
    let mut reference = compile(&mut Reference::exact(), &program);
    for id in [0, 8191] {
        let id = HostTensor::from_i64(&[1], &[id]).unwrap();
        let logits = [&mut ours, &mut reference].map(|executable| {
            executable.bind(FORWARD, &[("id", &id)]).unwrap();
            executable.execute(FORWARD).unwrap();
            executable.fetch(FORWARD, "logits").unwrap().to_f64()
        });
        for (a, b) in logits[0].iter().zip(&logits[1]) {
            assert!((a - b).abs() < 1e-4, "{a} is not {b}");
        }
    }
    assert_eq!(ours.fetch_param("table").unwrap().to_f64(), reference.fetch_param("table").unwrap().to_f64());
    // Which one is the processor's affair; that one was chosen is in the record.
    let settings = tch.info().settings;
    let chosen = settings.get("linear-weights").unwrap();
    assert!(chosen.starts_with("output-major") || chosen.starts_with("input-major"), "{chosen}");
}

#[test]
fn weights_that_are_read_otherwise_stay_where_they_are() {
    for program in [
        // Small enough for a cache, several rows, read by another op.
        tied(64, 16, &[1], false),
        tied(8192, 512, &[2], false),
        tied(8192, 512, &[1], true),
    ] {
        let mut tch = TchBackend::new("cpu").unwrap();
        compile(&mut tch, &program);
        assert_eq!(tch.info().settings.get("linear-weights"), None);
    }
}
