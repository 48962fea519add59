//! The runtime against a double of libnrt (`double/nrt.c`): nothing here runs on a Neuron device.

use std::path::Path;
use std::sync::Arc;

use crate::double::Double;
use crate::files::{PROGRAM, neff};
use portbench_neuron::{
    Bound, Library, Model, NeffType, NeuronError, NrtStatus, Placement, Runtime, Tensor, TensorSet, Usage,
    in_flight,
};

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn read_floats(tensor: &Tensor) -> Vec<f32> {
    let mut bytes = vec![0; tensor.bytes()];
    tensor.read(0, &mut bytes).unwrap();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn bound(runtime: &Runtime, model: &Model) -> Bound {
    let inputs = model.allocate(runtime, Usage::Input).unwrap();
    let outputs = model.allocate(runtime, Usage::Output).unwrap();
    model.bind(inputs, outputs).unwrap()
}

#[test]
fn a_model_is_loaded_described_executed_and_leaves_nothing_behind() {
    let double = Double::new();
    {
        let library = double.library();
        assert_eq!(library.total_cores().unwrap(), 2);
        assert_eq!(library.visible_cores().unwrap(), 2);
        assert_eq!(library.version().unwrap().to_string(), "2.34.10.0");
        assert_eq!(library.version().unwrap().detail, "double");
        let instance = library.instance().unwrap();
        assert_eq!((instance.family.name(), instance.architecture.as_str()), ("trn1", "double"));
        assert_eq!(double.state(), 0, "none of this may initialise the runtime, which takes the cores");

        let runtime = library.initialise().unwrap();
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        let told: Vec<(&str, Usage, NeffType, &[u32], usize)> = model
            .tensors()
            .iter()
            .map(|t| (t.name.as_str(), t.usage, t.dtype, t.shape.as_slice(), t.bytes))
            .collect();
        assert_eq!(
            told,
            [
                ("x", Usage::Input, NeffType::F32, &[2, 3][..], 24),
                ("token", Usage::Input, NeffType::I32, &[][..], 4),
                ("y", Usage::Output, NeffType::F32, &[2, 3][..], 24),
                ("z", Usage::Output, NeffType::F32, &[6][..], 24),
                ("same", Usage::Output, NeffType::I32, &[][..], 4),
            ]
        );
        let mut bound = bound(&runtime, &model);
        assert_eq!(runtime.memory(0).unwrap().used, 24 * 3 + 4 * 2);
        let x = bound.inputs().get("x").unwrap();
        x.write(0, &floats(&[1.0, 2.0, 3.0])).unwrap();
        x.write(12, &floats(&[4.0, 5.0, 6.5])).unwrap();
        bound.inputs().get("token").unwrap().write(0, &7i32.to_le_bytes()).unwrap();
        bound.execute().unwrap();
        assert_eq!(read_floats(bound.outputs().get("y").unwrap()), [2.0, 4.0, 6.0, 8.0, 10.0, 13.0]);
        assert_eq!(read_floats(bound.outputs().get("z").unwrap())[5], -6.5);
        let mut token = [0; 4];
        bound.outputs().get("same").unwrap().read(0, &mut token).unwrap();
        assert_eq!(i32::from_le_bytes(token), 7);
    }
    double.assert_clean();
}

#[test]
fn whatever_is_dropped_first_the_runtime_closes_last() {
    let double = Double::new();
    let runtime = double.runtime();
    let model = Model::load(&runtime, "twice", &neff(PROGRAM), 1).unwrap();
    let mut bound = bound(&runtime, &model);
    let kept = Arc::clone(bound.outputs().get("y").unwrap());
    drop(runtime);
    drop(model);
    bound.execute().unwrap();
    drop(bound);
    assert_eq!(double.state(), 1, "a tensor is left, so the runtime has to be open");
    assert_eq!(read_floats(&kept).len(), 6);
    drop(kept);
    double.assert_clean();
}

#[test]
fn the_double_sees_what_is_leaked() {
    let double = Double::new();
    let runtime = double.runtime();
    std::mem::forget(Tensor::allocate(&runtime, Placement::Host, "x", 4).unwrap());
    std::mem::forget(TensorSet::new(&runtime).unwrap());
    std::mem::forget(Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap());
    drop(runtime);
    assert_eq!((double.live(), double.state()), (3, 1), "and what is leaked keeps the runtime open");
}

#[test]
fn state_is_one_tensor_on_both_sides() {
    let double = Double::new();
    {
        let runtime = double.runtime();
        let program = "in cache 10 2\nout cache 10 2 2 cache\n";
        let model = Model::load(&runtime, "doubling", &neff(program), 0).unwrap();
        let cache = Arc::new(Tensor::allocate(&runtime, Placement::Device(0), "cache", 8).unwrap());
        cache.write(0, &floats(&[1.0, 3.0])).unwrap();
        let set = || {
            let mut set = TensorSet::new(&runtime).unwrap();
            set.insert("cache", Arc::clone(&cache)).unwrap();
            set
        };
        let mut bound = model.bind(set(), set()).unwrap();
        for _ in 0..3 {
            bound.execute().unwrap();
        }
        assert_eq!(read_floats(&cache), [8.0, 24.0]);
    }
    double.assert_clean();
}

#[test]
fn lanes_execute_at_the_same_time() {
    let double = Double::new();
    {
        let runtime = double.runtime();
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        let mut lanes: Vec<Bound> = (0..4).map(|_| bound(&runtime, &model)).collect();
        for (lane, i) in lanes.iter().zip(1u8..) {
            lane.inputs().get("x").unwrap().write(0, &floats(&[f32::from(i); 6])).unwrap();
        }
        // No execution ends before all four are inside: lanes in a row would run into the double's time limit.
        double.hold(4);
        let flight = in_flight(&mut lanes, 25);
        assert!(flight.error.is_none(), "{:?}", flight.error);
        assert_eq!(flight.completed, [25; 4]);
        assert_eq!(double.most_inside(), 4);
        assert_eq!(double.calls("nrt_execute"), 100);
        for (lane, i) in lanes.iter().zip(1u8..) {
            assert_eq!(read_floats(lane.outputs().get("y").unwrap()), [2.0 * f32::from(i); 6]);
        }
    }
    double.assert_clean();
}

#[test]
fn an_error_in_mid_run_stops_every_lane_and_loses_nothing() {
    let double = Double::new();
    {
        let runtime = double.runtime();
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        let mut lanes: Vec<Bound> = (0..2).map(|_| bound(&runtime, &model)).collect();
        double.answer("nrt_execute", 1202, 10);
        let flight = in_flight(&mut lanes, 1_000_000);
        assert_eq!(flight.error.as_ref().and_then(NeuronError::status), Some(NrtStatus::CoreError));
        assert_eq!(flight.completed.iter().sum::<u64>(), 10);
        double.answer("nrt_execute", 0, 0);
        lanes[0].execute().unwrap();
    }
    double.assert_clean();
}

#[test]
fn nan_in_an_output_is_an_answer_of_its_own() {
    let double = Double::new();
    {
        let runtime = double.runtime();
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        let mut bound = bound(&runtime, &model);
        bound.inputs().get("x").unwrap().write(0, &floats(&[f32::NAN; 6])).unwrap();
        let error = bound.execute().unwrap_err();
        assert_eq!(error.status(), Some(NrtStatus::NumericalError));
        assert_eq!(
            error.to_string(),
            "nrt_execute on model `twice`: NRT_EXEC_COMPLETED_WITH_NUM_ERR (1003): the execution ended and produced NaN; \
             check the inputs and weights for NaN and overflow; bf16 has a wider range than f16"
        );
    }
    double.assert_clean();
}

#[test]
fn exhausted_memory_is_told_apart_and_gives_back_what_was_taken() {
    let double = Double::new();
    {
        let runtime = double.runtime();
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        double.memory(26);
        let error = model.allocate(&runtime, Usage::Output).unwrap_err();
        assert!(error.status().unwrap().is_out_of_memory(), "{error}");
        assert!(error.to_string().contains("tensor `z` of 24 bytes"), "{error}");
        let memory = runtime.memory(0).unwrap();
        assert_eq!((memory.used, memory.limit), (0, 26));
    }
    double.assert_clean();
}

#[test]
fn what_does_not_fit_the_model_is_refused_by_name() {
    let double = Double::new();
    {
        let runtime = double.runtime();
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        let set = |usage| model.allocate(&runtime, usage).unwrap();
        let refused = |inputs, outputs| model.bind(inputs, outputs).unwrap_err().to_string();

        let missing = refused(TensorSet::new(&runtime).unwrap(), set(Usage::Output));
        assert_eq!(missing, "tensor `x`: this input of model `twice` is not in the set");
        let mut small = set(Usage::Input);
        let tensor = Tensor::allocate(&runtime, Placement::Device(0), "x", 4).unwrap();
        small.insert("x", Arc::new(tensor)).unwrap();
        let size = refused(small, set(Usage::Output));
        assert_eq!(size, "tensor `x`: 4 bytes, but this input of model `twice` has 24 (f32[2, 3])");
        let mut more = set(Usage::Output);
        let tensor = Tensor::allocate(&runtime, Placement::Host, "w", 4).unwrap();
        more.insert("w", Arc::new(tensor)).unwrap();
        let stranger = refused(set(Usage::Input), more);
        assert_eq!(stranger, "tensor `w`: model `twice` has no such output; its own: y, z, same");

        let inputs = set(Usage::Input);
        let x = inputs.get("x").unwrap();
        assert_eq!(
            x.write(20, &[0; 8]).unwrap_err().to_string(),
            "tensor `x`: 8 bytes from byte 20 on do not fit its 24 bytes"
        );
        assert!(x.read(usize::MAX, &mut [0]).is_err());
        assert!(Tensor::allocate(&runtime, Placement::Host, "a\0b", 4).is_err());
        assert_eq!(double.calls("nrt_tensor_write"), 0);
    }
    double.assert_clean();
}

#[test]
fn a_second_runtime_in_one_process_is_refused() {
    let double = Double::new();
    let runtime = double.runtime();
    let again = || double.library().initialise().unwrap_err();
    assert!(matches!(again(), NeuronError::InitialisedBefore { .. }));
    drop(runtime);
    assert!(
        matches!(again(), NeuronError::InitialisedBefore { .. }),
        "libnrt does not come back after nrt_close"
    );
    assert_eq!(double.calls("nrt_init"), 1);
    double.assert_clean();
}

#[test]
fn tensors_of_another_runtime_are_refused() {
    let (one, two) = (Double::new(), Double::new());
    {
        let (runtime, other) = (one.runtime(), two.runtime());
        let tensor = Tensor::allocate(&other, Placement::Host, "x", 24).unwrap();
        let error = TensorSet::new(&runtime).unwrap().insert("x", Arc::new(tensor)).unwrap_err();
        assert_eq!(error.to_string(), "tensor `x`: the tensor belongs to another runtime");
        let model = Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap();
        let sets = (TensorSet::new(&other).unwrap(), TensorSet::new(&other).unwrap());
        assert!(model.bind(sets.0, sets.1).is_err());
    }
    one.assert_clean();
    two.assert_clean();
}

#[test]
fn a_missing_library_and_a_missing_function_say_what_to_install() {
    let nowhere = Library::open(Path::new("/nonexistent/libnrt.so.1")).unwrap_err();
    assert!(matches!(nowhere, NeuronError::Library { .. }));
    assert!(nowhere.to_string().contains("install aws-neuronx-runtime-lib"), "{nowhere}");

    let double = Double::compile(&["-DWITHOUT_EXECUTE"]);
    let error = Library::open(double.path()).unwrap_err();
    assert!(matches!(error, NeuronError::Symbol { symbol: "nrt_execute", .. }), "{error}");
    assert!(
        error.to_string().contains("has no function `nrt_execute`: bring aws-neuronx-runtime-lib"),
        "{error}"
    );
}
