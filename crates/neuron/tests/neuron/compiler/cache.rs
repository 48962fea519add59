//! The cache: what is found, what is dropped, what is not tried again.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use portbench_neuron::compiler::{Cache, End, Failure, Found, Key};
use tempfile::TempDir;

struct Place {
    directory: TempDir,
    cache: Cache,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("cache"));
        Self { directory, cache }
    }

    fn artefact(&self, content: &[u8]) -> PathBuf {
        let path = self.directory.path().join("model.neff");
        fs::write(&path, content).unwrap();
        path
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.directory.path().join("cache").join(key.name())
    }
}

fn key(flags: &str) -> Key {
    Key {
        fingerprint: "0123456789abcdef0123456789abcdef".parse().unwrap(),
        entry: "forward".into(),
        compiler: "neuronx-cc 2.27.5334.0".into(),
        flags: flags.into(),
    }
}

fn dropped(found: Found) -> String {
    match found {
        Found::Nothing { dropped: Some(why) } => why,
        other => panic!("nothing was dropped: {other:?}"),
    }
}

fn files(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

#[test]
fn an_artefact_comes_back_whole_under_its_own_key_only() {
    let place = Place::new();
    let (key, other) = (key("trn2 O2"), key("trn2 O1"));
    assert_eq!(place.cache.find(&key, Some(60)).unwrap(), Found::Nothing { dropped: None });
    let stored = place.cache.store(&key, &place.artefact(b"neff"), 12.5, Some(7)).unwrap();
    assert_eq!(fs::read(&stored).unwrap(), b"neff");
    assert_eq!(stored.extension().unwrap(), "neff");
    assert_eq!(
        place.cache.find(&key, Some(60)).unwrap(),
        Found::Artefact { path: stored, bytes: 4, seconds: 12.5, memory: Some(7) }
    );
    for changed in [
        other,
        Key { compiler: "neuronx-cc 2.28.7631.0".into(), ..key.clone() },
        Key { entry: "decode".into(), ..key.clone() },
        Key { fingerprint: "f".repeat(32).parse().unwrap(), ..key.clone() },
        // Parts of a key do not run into each other.
        Key { entry: "forwardn".into(), compiler: "euronx-cc 2.27.5334.0".into(), ..key.clone() },
    ] {
        assert_eq!(place.cache.find(&changed, Some(60)).unwrap(), Found::Nothing { dropped: None });
    }
    assert_eq!(files(&place.entry(&key)), 2, "no temporary file is left");
    place.cache.forget(&key).unwrap();
    place.cache.forget(&key).unwrap();
    assert_eq!(place.cache.find(&key, Some(60)).unwrap(), Found::Nothing { dropped: None });
}

#[test]
fn corrupt_entries_are_dropped_and_compiled_again() {
    let place = Place::new();
    let key = key("trn2 O2");
    let store = || place.cache.store(&key, &place.artefact(b"an artefact"), 1.0, None).unwrap();
    let find = || place.cache.find(&key, Some(60)).unwrap();

    let mut flipped = fs::read(store()).unwrap();
    flipped[3] ^= 1;
    let path = store();
    fs::write(&path, &flipped).unwrap();
    assert!(dropped(find()).ends_with("is not what was stored"));
    assert_eq!(find(), Found::Nothing { dropped: None });
    assert!(!path.exists());

    fs::write(store(), b"an arte").unwrap();
    assert!(dropped(find()).ends_with("is not what was stored"));
    fs::remove_file(store()).unwrap();
    assert!(dropped(find()).ends_with("is gone"));
    let entry = store().with_file_name("entry.json");
    fs::write(&entry, b"{\"version\": 1, \"ke").unwrap();
    assert!(dropped(find()).starts_with("entry.json cannot be read"));
    let text = fs::read_to_string(store().with_file_name("entry.json")).unwrap();
    fs::write(&entry, text.replace("trn2 O2", "trn2 O3")).unwrap();
    assert_eq!(dropped(find()), "entry.json is of another version or key");
    let outside = place.directory.path().join("model.neff");
    let text = text.replace(&format!("{}.neff", blake3_of(b"an artefact")), "../../model.neff");
    store();
    fs::write(&entry, text).unwrap();
    assert!(dropped(find()).ends_with("is not what was stored"));
    assert!(outside.exists());
    // A directory for a file, and a file for a directory.
    fs::create_dir_all(&entry).unwrap();
    assert!(dropped(find()).contains("where the other belongs"));
    let artefact = store();
    fs::remove_file(&artefact).unwrap();
    fs::create_dir(&artefact).unwrap();
    assert!(dropped(find()).ends_with("is a directory"));
    fs::write(place.entry(&key), b"").unwrap();
    assert!(dropped(find()).contains("where the other belongs"));
    store();
    assert!(matches!(find(), Found::Artefact { bytes: 11, .. }));
}

fn blake3_of(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

#[test]
fn a_failure_is_a_result_until_something_changes() {
    let place = Place::new();
    let key = key("trn2 O2");
    let find = |limit| place.cache.find(&key, limit).unwrap();
    let printed = "[NCC_EVRF029] Operation sort is not supported on trn2.\nin pass 3\n";
    let refused = Failure::read(End::Exit(70), printed);
    let log = place.cache.store_failure(&key, &refused, printed).unwrap();
    assert_eq!(fs::read_to_string(log.as_ref().unwrap()).unwrap(), printed);
    assert_eq!(find(Some(60)), Found::Failure { failure: refused.clone(), log: log.clone() });
    assert_eq!(find(Some(6000)), Found::Failure { failure: refused, log });
    let late = Failure::read(End::TimeLimit(60), "");
    // It printed nothing: what was printed before is not its log.
    assert_eq!(place.cache.store_failure(&key, &late, "").unwrap(), None);
    for limit in [Some(60), Some(1), None] {
        assert_eq!(find(limit), Found::Failure { failure: late.clone(), log: None });
    }
    assert_eq!(dropped(find(Some(61))), "it failed after 60 s, and the limit is 61 s now");
    let stored = place.cache.store(&key, &place.artefact(b"neff"), 90.0, None).unwrap();
    assert!(matches!(find(Some(60)), Found::Artefact { path, .. } if path == stored));
}

#[test]
fn processes_that_store_at_once_leave_one_whole_entry() {
    let place = Place::new();
    let key = key("trn2 O2");
    let artefact = |n: u8| {
        let path = place.directory.path().join(format!("{n}.neff"));
        fs::write(&path, vec![n; 1000 + usize::from(n)]).unwrap();
        path
    };
    thread::scope(|scope| {
        for n in 0..4 {
            let (place, key, path) = (&place, &key, artefact(n));
            scope.spawn(move || {
                for _ in 0..5 {
                    place.cache.store(key, &path, 1.0, None).unwrap();
                    assert!(matches!(
                        place.cache.find(key, Some(60)).unwrap(),
                        Found::Artefact { bytes: 1000..1004, .. }
                    ));
                }
            });
        }
    });
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let place = Place::new();
    let file = place.artefact(b"neff");
    let cache = Cache::new(&file);
    let error = cache.store(&key("x"), &file, 1.0, None).unwrap_err().to_string();
    assert!(error.starts_with("cannot write") && error.contains("model.neff"), "{error}");
}
