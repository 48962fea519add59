//! Reading safetensors files, true and false ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use portbench_backend::{BackendError, CheckpointFile, HostTensor, ParamSource};
use portbench_graph::{DType, Init, ParamSpec, Type};
use proptest::prelude::*;

fn write(dir: &Path, name: &str, header: &str, data: &[u8]) -> PathBuf {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

const HEADER: &str = r#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"buffer":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[16,20]}}"#;

fn data() -> Vec<u8> {
    [1.0f32, -2.5, 3.25, 1e-3].iter().flat_map(|v| v.to_le_bytes()).chain([1, 2, 3, 4]).collect()
}

fn spec(shape: &[usize], dtype: DType) -> ParamSpec {
    ParamSpec {
        name: "w".into(),
        ty: Type::new(dtype, shape),
        init: Init::Constant { value: 0.0 },
        trainable: true,
    }
}

#[test]
fn values_are_converted_to_the_declared_type() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "model.safetensors", HEADER, &data());
    let mut source = ParamSource::Checkpoint { files: vec![file] }.open().unwrap();
    let read = source.load(&spec(&[2, 2], DType::F32)).unwrap();
    assert_eq!(read, HostTensor::from_f32(&[2, 2], &[1.0, -2.5, 3.25, 1e-3]).unwrap());
    let half = source.load(&spec(&[2, 2], DType::Bf16)).unwrap();
    assert_eq!(half.to_f64()[..3], [1.0, -2.5, 3.25]);
    assert!((half.to_f64()[3] - 1e-3).abs() < 1e-3 / 256.0);
}

#[test]
fn a_shape_that_differs_names_both() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "model.safetensors", HEADER, &data());
    let mut source = ParamSource::Checkpoint { files: vec![file] }.open().unwrap();
    let message = source.load(&spec(&[4], DType::F32)).unwrap_err().to_string();
    assert!(message.contains("f32[2,2]") && message.contains("f32[4]"), "{message}");
}

#[test]
fn files_that_lie_are_refused_when_opened() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("truncated", HEADER, data()[..10].to_vec(), "truncated"),
        ("other size", r#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,16]}}"#, data(), "lies"),
        ("backwards", r#"{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[16,0]}}"#, data(), "lies"),
        (
            "enormous",
            r#"{"w":{"dtype":"F32","shape":[18446744073709551615,18446744073709551615],"data_offsets":[0,16]}}"#,
            data(),
            "lies",
        ),
        ("no json", "{\"w\":", data(), "not JSON"),
        ("no entry", r#"{"w":3}"#, data(), "malformed"),
    ];
    for (name, header, data, expected) in cases {
        let path = write(dir.path(), name, header, &data);
        let error = CheckpointFile::open(&path).unwrap_err();
        let message = error.to_string();
        assert!(message.contains(expected) && message.contains(name), "{name}: {message}");
    }
    let short = dir.path().join("short");
    std::fs::write(&short, [1, 2, 3]).unwrap();
    assert!(CheckpointFile::open(&short).unwrap_err().to_string().contains("truncated"));
    let claims = dir.path().join("claims");
    std::fs::write(&claims, u64::MAX.to_le_bytes()).unwrap();
    assert!(CheckpointFile::open(&claims).unwrap_err().to_string().contains("claims"));
    assert!(matches!(
        CheckpointFile::open(&dir.path().join("absent")),
        Err(BackendError::Checkpoint { source: Some(_), .. })
    ));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 0u64..64) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fuzz");
        let mut all = len.to_le_bytes().to_vec();
        all.extend(bytes);
        std::fs::write(&path, all).unwrap();
        let _ = CheckpointFile::open(&path);
    }

    #[test]
    fn a_damaged_header_never_reads_outside_the_file(at in 0usize..HEADER.len(), with in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let mut header = HEADER.as_bytes().to_vec();
        header[at] = with;
        let path = write(dir.path(), "damaged", &String::from_utf8_lossy(&header), &data());
        if let Ok(mut file) = CheckpointFile::open(&path) {
            let names: Vec<String> = file.tensors().map(|(n, _)| n.to_owned()).collect();
            for name in names {
                prop_assert!(file.read(&name).is_ok());
            }
        }
    }
}

#[test]
fn an_element_type_that_is_not_read_is_named_when_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = write(dir.path(), "model.safetensors", HEADER, &data());
    let mut file = CheckpointFile::open(&file).unwrap();
    let unread = file.read("buffer").unwrap_err().to_string();
    assert!(unread.contains("`buffer`: is F8_E4M3") && unread.contains("I64"), "{unread}");
    let unknown = file.read("nothing").unwrap_err().to_string();
    assert!(unknown.contains("`nothing`: is not in"), "{unknown}");
}

#[test]
fn integers_of_fewer_bits_are_read_as_i64() {
    let dir = tempfile::tempdir().unwrap();
    let header = r#"{"a":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}"#;
    let data = [&(-7i32).to_le_bytes()[..], &70_000i32.to_le_bytes(), &[3, 255]].concat();
    let mut file = CheckpointFile::open(&write(dir.path(), "ids.safetensors", header, &data)).unwrap();
    assert_eq!(file.read("a").unwrap(), HostTensor::from_i64(&[2], &[-7, 70_000]).unwrap());
    assert_eq!(file.read("b").unwrap(), HostTensor::from_i64(&[2], &[3, 255]).unwrap());
    let short = header.replace("[8,10]", "[8,11]");
    let error = CheckpointFile::open(&write(dir.path(), "lies.safetensors", &short, &data)).unwrap_err();
    assert!(error.to_string().contains("`b`"), "{error}");
}

#[test]
fn what_is_saved_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("new folder/out.safetensors");
    let tensors = [
        ("a".to_owned(), HostTensor::from_f32(&[2, 2], &[1.0, -2.5, 3.25, 1e-3]).unwrap()),
        ("b".to_owned(), HostTensor::from_i64(&[3], &[1, -2, i64::MAX]).unwrap()),
        ("c".to_owned(), HostTensor::zeros(Type::new(DType::Bf16, [2]))),
        ("d".to_owned(), HostTensor::zeros(Type::new(DType::Bool, [1]))),
    ];
    portbench_backend::save_tensors(&path, tensors.iter().map(|(name, tensor)| (name, tensor))).unwrap();
    let mut file = CheckpointFile::open(&path).unwrap();
    for (name, tensor) in tensors {
        assert_eq!(file.read(&name).unwrap(), tensor);
    }
    let folder = portbench_backend::save_tensors::<str>(dir.path(), []).unwrap_err().to_string();
    assert!(folder.contains("cannot be written"), "{folder}");
}
