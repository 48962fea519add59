//! Every status from every function, against a double of libnrt (`double/nrt.c`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::double::Double;
use crate::files::{PROGRAM, neff};
use portbench_neuron::{
    Library, Model, NeuronError, NrtStatus, Placement, Runtime, Tensor, TensorSet, Usage,
};

/// Functions that return no status, and `nrt_unload`, whose answer comes when nobody can act on it.
const SILENT: [&str; 5] =
    ["nrt_close", "nrt_tensor_free", "nrt_tensor_get_size", "nrt_destroy_tensor_set", "nrt_unload"];

/// Calls this function of an initialised runtime in the way a user does.
fn call(runtime: &Runtime, function: &str) -> Result<(), NeuronError> {
    let library = runtime.library();
    match function {
        "nrt_get_version" => library.version().map(drop),
        "nrt_get_instance_info" => library.instance().map(drop),
        "nrt_get_total_vnc_count" => library.total_cores().map(drop),
        "nrt_get_visible_vnc_count" => library.visible_cores().map(drop),
        "nrt_get_vnc_memory_stats" => runtime.memory(0).map(drop),
        "nrt_load" | "nrt_get_model_tensor_info" | "nrt_free_model_tensor_info" => {
            Model::load(runtime, "twice", &neff(PROGRAM), 0).map(drop)
        }
        "nrt_tensor_allocate" => Tensor::allocate(runtime, Placement::Host, "x", 4).map(drop),
        "nrt_allocate_tensor_set" => TensorSet::new(runtime).map(drop),
        "nrt_tensor_write" => Tensor::allocate(runtime, Placement::Host, "x", 4)?.write(0, &[0; 4]),
        "nrt_tensor_read" => Tensor::allocate(runtime, Placement::Host, "x", 4)?.read(0, &mut [0; 4]),
        "nrt_add_tensor_to_tensor_set" => {
            let tensor = Tensor::allocate(runtime, Placement::Host, "x", 4)?;
            TensorSet::new(runtime)?.insert("x", Arc::new(tensor))
        }
        "nrt_execute" => {
            let model = Model::load(runtime, "twice", &neff(PROGRAM), 0)?;
            let inputs = model.allocate(runtime, Usage::Input)?;
            let outputs = model.allocate(runtime, Usage::Output)?;
            model.bind(inputs, outputs)?.execute()
        }
        other => panic!("nobody calls {other}"),
    }
}

#[test]
fn every_status_of_every_function_is_a_typed_error_and_leaves_nothing_behind() {
    let double = Double::new();
    let library = double.library();
    // Whether a refused initialisation may be tried again is for libnrt to say.
    for status in NrtStatus::all() {
        double.answer("nrt_init", status.code(), 0);
        let error = double.library().initialise().unwrap_err();
        assert!(
            matches!(&error, NeuronError::Status { call: "nrt_init", status: s, .. } if *s == status),
            "{error}"
        );
    }
    double.answer("nrt_init", 0, 0);
    let runtime = library.initialise().unwrap();
    let mut seen = BTreeSet::from(["nrt_init"]);
    seen.extend(SILENT);
    for function in Library::functions().iter().filter(|f| **f != "nrt_init" && !SILENT.contains(f)) {
        call(&runtime, function).unwrap();
        for status in NrtStatus::all().chain([NrtStatus::Unknown(4242)]) {
            double.answer(function, status.code(), 0);
            let error = call(&runtime, function).unwrap_err();
            match &error {
                NeuronError::Status { call, status: s, .. } => assert_eq!((*call, *s), (*function, status)),
                other => panic!("{function} answered {status}: {other}"),
            }
            assert!(error.to_string().ends_with(status.way_out()), "{error}");
            assert_eq!(double.live(), 0, "{function} answered {status}");
        }
        double.answer(function, 0, 0);
        call(&runtime, function).unwrap();
        seen.insert(function);
    }
    assert_eq!(seen, Library::functions().iter().copied().collect());
    drop(runtime);
    double.assert_clean();
}

#[test]
fn an_unload_that_fails_is_no_reason_to_stop() {
    let double = Double::new();
    let runtime = double.runtime();
    double.answer("nrt_unload", 6, 0);
    drop(Model::load(&runtime, "twice", &neff(PROGRAM), 0).unwrap());
    drop(runtime);
    double.assert_clean();
}

#[test]
fn refused_neffs_say_why() {
    let double = Double::new();
    let runtime = double.runtime();
    let load = |bytes: &[u8], core| Model::load(&runtime, "m", bytes, core).unwrap_err().status();
    assert_eq!(load(b"no neff", 0), Some(NrtStatus::Invalid));
    let mut newer = neff(PROGRAM);
    newer[24] = 9;
    assert_eq!(load(&newer, 0), Some(NrtStatus::UnsupportedNeff));
    assert_eq!(load(&neff(PROGRAM), 2), Some(NrtStatus::NotEnoughCores));
    assert_eq!(load(&neff(PROGRAM), u32::MAX), None);
    drop(runtime);
    double.assert_clean();
}

#[test]
fn statuses_have_distinct_codes_names_and_words() {
    let all: Vec<NrtStatus> = NrtStatus::all().collect();
    let codes: BTreeSet<i32> = all.iter().map(|s| s.code()).collect();
    let names: BTreeSet<&str> = all.iter().map(|s| s.name()).collect();
    assert_eq!((codes.len(), names.len()), (27, 27));
    for status in all {
        assert_eq!(NrtStatus::from_code(status.code()), Some(status));
        assert!(status.name().starts_with("NRT_"));
        assert!(!status.meaning().is_empty() && !status.way_out().is_empty());
    }
    assert_eq!(NrtStatus::from_code(0), None);
    let unknown = NrtStatus::from_code(77).unwrap();
    assert_eq!((unknown, unknown.code()), (NrtStatus::Unknown(77), 77));
    assert!(unknown.to_string().contains("(77)"), "{unknown}");
    assert!(NrtStatus::Unrecoverable.is_fatal() && !NrtStatus::NumericalError.is_fatal());
}
