//! Products of one value by several weights are one product, and what comes out is the same.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portbench_backend::plan::join_products;
use portbench_backend::{Backend, CompileOptions, EntryId, HostTensor, ParamSource};
use portbench_graph::{DType, Graph, Init, Op, Program, ProgramBuilder, Type};
use portbench_models::{Form, Model, Request};
use portbench_reference::Reference;
use portbench_tch::TchBackend;

fn program(family: &str, form: Form) -> Program {
    let request = Request { form, batch: 2, storage: DType::F32, compute: DType::F32 };
    Model::preset(family, "tiny").unwrap().program(&request).unwrap()
}

fn count(graph: &Graph, is: fn(&Op) -> bool) -> usize {
    graph.nodes.iter().filter(|n| is(&n.op)).count()
}

fn is_linear(op: &Op) -> bool {
    matches!(op, Op::Linear { .. })
}

fn is_slice(op: &Op) -> bool {
    matches!(op, Op::Slice { .. })
}

#[test]
fn query_key_and_value_are_one_product_and_so_are_gate_and_up() {
    let program = program("llama", Form::Generate { prompt: 6, new_tokens: 4 });
    let joined = join_products(&program);
    joined.program.verify().unwrap();
    for (before, after) in program.entries.iter().zip(&joined.program.entries) {
        // Of each layer's seven: query, key and value; output; gate and up; down. The head stays.
        let layers = (count(before, is_linear) - 1) / 7;
        assert_eq!(count(after, is_linear), 4 * layers + 1);
        assert_eq!(count(after, is_slice), count(before, is_slice) + 5 * layers);
        assert_eq!(after.inputs().collect::<Vec<_>>(), before.inputs().collect::<Vec<_>>());
        for (name, _) in &before.outputs {
            assert_eq!(after.output(name), before.output(name));
        }
    }
    assert_eq!(joined.program.params[..program.params.len()], program.params);
    for join in &joined.joins {
        let rows = |p: usize| joined.program.params[p].ty.dims()[0];
        assert_eq!(rows(join.param), join.parts.iter().map(|&p| rows(p)).sum::<usize>());
    }
    let again = join_products(&joined.program);
    assert_eq!((again.joins.len(), again.products), (0, [0, 0]));
}

#[test]
fn biases_are_joined_with_their_weights() {
    let program = program("bert", Form::Forward { sequence: 8, mask: false });
    let joined = join_products(&program);
    joined.program.verify().unwrap();
    assert!(joined.joins.iter().any(|join| joined.program.params[join.param].ty.dims().len() == 1));
    assert_eq!(joined.products[0], 3 * joined.products[1]);
}

/// Two products of one value; the second weight is read once more where `again` says so.
fn two(entries: &[(&str, bool)]) -> Program {
    let mut builder = ProgramBuilder::new("two", DType::F32);
    for (name, again) in entries {
        builder.entry(name, |g| {
            let x = g.input("x", Type::new(DType::F32, [2, 4]));
            let a = g.param("a", &[3, 4], Init::Normal { std: 0.3 });
            let b = g.param("b", &[5, 4], Init::Normal { std: 0.3 });
            let (first, second) = (g.linear(x, a, None), g.linear(x, b, None));
            g.output("first", first);
            g.output("second", second);
            if *again {
                g.output("b", b);
            }
        });
    }
    builder.finish().unwrap()
}

#[test]
fn weights_that_are_read_otherwise_are_left_alone() {
    assert_eq!(join_products(&two(&[("one", false), ("other", false)])).products, [4, 2]);
    // In one entry is enough: a weight lies in one place for all of them.
    for entries in [[("one", true), ("other", true)], [("one", false), ("other", true)]] {
        let program = two(&entries);
        let joined = join_products(&program);
        assert_eq!((joined.products, joined.program), ([0, 0], program));
    }
}

/// Every output of every entry, on inputs of ones and tenths.
fn executed(backend: &mut dyn Backend, program: &Program) -> Vec<Vec<f64>> {
    let params = ParamSource::Generated { seed: 5 };
    let mut executable = backend.compile(program, &params, &CompileOptions::default()).unwrap();
    let mut all = Vec::new();
    for (e, graph) in program.entries.iter().enumerate() {
        let entry = EntryId(e);
        for (name, ty) in graph.inputs() {
            let value = if ty.dtype == DType::I64 { 1.0 } else { 0.1 };
            let value = HostTensor::from_f64(ty.clone(), &vec![value; ty.shape.elements()]);
            let value = value.or_else(|_| HostTensor::from_i64(ty.dims(), &vec![1; ty.shape.elements()]));
            executable.bind(entry, &[(name, &value.unwrap())]).unwrap();
        }
        executable.execute(entry).unwrap();
        for (name, _) in &graph.outputs {
            all.push(executable.fetch(entry, name).unwrap().to_f64());
        }
    }
    all.push(executable.fetch_param(&program.params[1].name).unwrap().to_f64());
    all
}

#[test]
fn joined_programs_compute_what_the_oracle_does() {
    for program in [
        program("llama", Form::Generate { prompt: 6, new_tokens: 4 }),
        program("bert", Form::Forward { sequence: 8, mask: true }),
        program("vit", Form::Forward { sequence: 1, mask: false }),
        two(&[("one", false), ("other", false)]),
    ] {
        let mut tch = TchBackend::new("cpu").unwrap();
        let ours = executed(&mut tch, &program);
        let theirs = executed(&mut Reference::exact(), &program);
        for (a, b) in ours.iter().flatten().zip(theirs.iter().flatten()) {
            assert!((a - b).abs() < 1e-4, "{}: {a} is not {b}", program.name);
        }
        let settings = tch.info().settings;
        assert!(settings["joined-products"].contains(" of one value each with others as "), "{settings:?}");
    }
}
