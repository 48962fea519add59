//! A code base before and after a port.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use portbench_migrate::{
    Comparison, Entry, Kept, LineCounts, Matcher, MigrateError, Options, Rules, Tree, Wanted, compare,
    revision,
};
use proptest::prelude::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    let entries = files.iter().map(|(path, text)| Entry::of_bytes(path, text.as_bytes())).collect();
    Tree::of_entries(entries, &Wanted::default()).unwrap()
}

/// Compiled once: a property asks many times.
static MATCHER: LazyLock<Matcher<'static>> =
    LazyLock::new(|| Matcher::new(Rules::built_in(), Options::default()).unwrap());

fn compared(before: &Tree, after: &Tree) -> Comparison {
    compare(before, after, &MATCHER).unwrap().0
}

const BEFORE: &str = "\
import torch
x = x.cuda()
torch.cuda.synchronize()
";

const AFTER: &str = "\
'''Moved.'''
import torch  # as before

x=x.to('neuron')
torch.cuda.synchronize()
y.cuda()
";

#[test]
fn lines_files_and_findings_are_counted() {
    let before =
        tree(&[("a.py", BEFORE), ("same.py", "a = 1\n"), ("gone.py", "b = 2\nb = 2\n"), ("notes.md", "x\n")]);
    let after =
        tree(&[("a.py", AFTER), ("same.py", "a  =  1 # one\n"), ("new.py", "c = 3\n"), ("notes.md", "y\n")]);
    let found = compared(&before, &after);
    assert_eq!((found.files_before, found.files_after), (3, 3));
    assert_eq!((found.files_added, found.files_removed, found.files_changed), (1, 1, 1));
    assert_eq!(found.lines, LineCounts { before: 6, after: 6, added: 3, removed: 3 });
    let changes: Vec<(&str, &str)> = found.files.iter().map(|f| (f.path.as_str(), f.change)).collect();
    assert_eq!(changes, [("a.py", "changed"), ("gone.py", "removed"), ("new.py", "added")]);
    // 3 lines are in both, and 9 in either.
    assert!((found.convergence.unwrap() - 3.0 / 9.0).abs() < 1e-12);
    assert!((found.divergence.unwrap() - 6.0 / 9.0).abs() < 1e-12);
    assert_eq!(found.rules["PY-DEV-001"], Kept { vanished: 1, stayed: 0, appeared: 1 });
    assert_eq!(found.rules["PY-SYN-001"], Kept { vanished: 0, stayed: 1, appeared: 0 });
    assert_eq!(found.findings, Kept { vanished: 1, stayed: 1, appeared: 1 });
    assert_eq!((found.files[0].findings_before, found.files[0].findings_after), (2, 2));
}

#[test]
fn nothing_has_no_convergence_and_the_same_is_whole() {
    let nothing = compared(&tree(&[]), &tree(&[]));
    assert_eq!((nothing.convergence, nothing.divergence), (None, None));
    let one = tree(&[("a.py", BEFORE)]);
    let same = compared(&one, &one);
    assert_eq!((same.convergence, same.files.len()), (Some(1.0), 0));
    assert_eq!(same.findings, Kept { vanished: 0, stayed: 2, appeared: 0 });
}

fn git(repository: &Path, arguments: &[&str]) {
    let who =
        ["-c", "user.name=someone", "-c", "user.email=someone@example.org", "-c", "commit.gpgsign=false"];
    let done = Command::new("git").arg("-C").arg(repository).args(who).args(arguments).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn revisions_of_a_repository_are_trees() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path();
    let write = |path: &str, text: &str| std::fs::write(root.join(path), text).unwrap();
    git(root, &["init", "-q"]);
    std::fs::create_dir(root.join("src")).unwrap();
    write("src/a.py", BEFORE);
    write("ä b.py", "z = 1\n");
    write("data.bin", "\0\0");
    git(root, &["add", "."]);
    git(root, &["commit", "-qm", "before"]);
    write("src/a.py", AFTER);
    git(root, &["commit", "-qam", "after"]);
    write("src/a.py", "not committed\n");
    let of = |name: &str| revision(root, name, &Wanted::default()).unwrap();
    let found = compared(&of("HEAD~1"), &of("HEAD"));
    assert_eq!((found.files_before, found.files_changed), (2, 1));
    assert_eq!(found.lines, LineCounts { before: 4, after: 5, added: 2, removed: 1 });
    let unknown = revision(root, "no-such-branch", &Wanted::default()).unwrap_err();
    assert!(
        matches!(unknown, MigrateError::Git { .. }) && unknown.to_string().contains("no-such-branch"),
        "{unknown}"
    );
    assert!(revision(root, "--help", &Wanted::default()).is_err());
}

proptest! {
    /// What is only before, turned round, is only after; and layout and comments change nothing.
    #[test]
    fn a_comparison_turned_round_is_the_other_one(a in "[ab#(\n ]{0,40}", b in "[ab#(\n ]{0,40}") {
        let (one, other) = (tree(&[("f.py", &a)]), tree(&[("f.py", &b)]));
        let (there, back) = (compared(&one, &other), compared(&other, &one));
        prop_assert_eq!(there.convergence, back.convergence);
        prop_assert_eq!((there.lines.added, there.lines.before), (back.lines.removed, back.lines.after));
        let spaced = tree(&[("f.py", &format!("\n# more\n{a}"))]);
        prop_assert_eq!(compared(&one, &spaced).files.len(), 0);
    }
}
