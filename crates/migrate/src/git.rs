//! A revision of a git repository as a tree, through the program `git`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::MigrateError;
use crate::language::Kind;
use crate::tree::{Entry, LARGEST_BYTES, Tree, Wanted};

/// The files of a revision that rules can read, by their paths in the repository. Nothing is checked out, and nothing is written.
///
/// # Errors
/// [`MigrateError::Git`] where `git` cannot be started, or the repository has no such revision; [`MigrateError::Exclude`] for a pattern that is none.
pub fn revision(repository: &Path, revision: &str, wanted: &Wanted) -> Result<Tree, MigrateError> {
    if revision.starts_with('-') {
        return Err(MigrateError::Git {
            arguments: format!("ls-tree {revision}"),
            what: "a revision does not begin with `-`".into(),
        });
    }
    let listed = git(repository, &["ls-tree", "-r", "-z", "--long", "--full-tree", revision], &[])?;
    let mut files = Vec::new();
    for line in listed.split(|b| *b == 0).filter(|line| !line.is_empty()) {
        // "<mode> blob <object> <size>\t<path>"
        let Some(tab) = line.iter().position(|b| *b == b'\t') else { continue };
        let about = String::from_utf8_lossy(&line[..tab]).into_owned();
        let path = String::from_utf8_lossy(&line[tab + 1..]).into_owned();
        let about: Vec<&str> = about.split_whitespace().collect();
        let [mode, "blob", object, size] = about[..] else { continue };
        let link = mode == "120000";
        let small = size.parse().is_ok_and(|bytes: u64| bytes <= LARGEST_BYTES);
        if !link && small && Kind::of_path(&path).is_some() {
            files.push((path, object.to_owned()));
        }
    }
    let asked: String = files.iter().map(|(_, object)| format!("{object}\n")).collect();
    let told = git(repository, &["cat-file", "--batch"], asked.as_bytes())?;
    let mut rest = told.as_slice();
    let mut entries = Vec::new();
    for (path, _) in &files {
        // "<object> blob <size>\n<bytes>\n"; an object that is not there has "missing" in place of its size.
        let Some(end) = rest.iter().position(|b| *b == b'\n') else { break };
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        let size = head.rsplit(' ').next().and_then(|n| n.parse::<usize>().ok());
        let Some(size) = size.filter(|size| *size < rest.len()) else { continue };
        entries.push(Entry::of_bytes(path, &rest[..size]));
        rest = &rest[size + 1..];
    }
    Tree::of_entries(entries, wanted)
}

fn git(repository: &Path, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, MigrateError> {
    let failed = |what: String| MigrateError::Git { arguments: arguments.join(" "), what };
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| failed(format!("it does not start ({e}): install git, or give two directories")))?;
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // Written from a thread of its own, since git answers before it has read all.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input)));
        child.wait_with_output()
    });
    let output = output.map_err(|e| failed(e.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(output.stdout)
}
