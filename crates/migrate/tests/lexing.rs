//! Comments and doc-strings become blanks, strings do not, and nothing moves.

mod common;

use portbench_migrate::Language;
use portbench_migrate::lex::blank;
use proptest::prelude::*;

use common::found;

/// The text with `.` for each blank that was none.
fn marked(language: Language, text: &str) -> String {
    let code = blank(language, text.as_bytes()).code;
    assert_eq!(code.len(), text.len());
    let mark = |(old, new): (u8, u8)| if old == new { char::from(old) } else { '.' };
    text.bytes().zip(code).map(mark).collect()
}

#[test]
fn python() {
    let text = r##"'''Head .to("cuda")'''
x = "not # a comment"  # but this
def f():
    r"""Doc of
    two lines"""
    y = f"{x!r}" '#' + '''kept # too'''
    "a statement of nothing"; z = 1
    return (
        "joined "
        "words"  # inside brackets
    )
EXAMPLE_DOC = """
    pipe.to("cuda")
"""
session = """
>>> x.cuda()
"""
source = """__global__ void f() {}"""
open = 'unclosed
after = 1  # still a comment
"##;
    insta::assert_snapshot!(marked(Language::Python, text));
}

#[test]
fn c_and_rust() {
    let cpp = "int a; // one\n/* two\n * lines */ int b = '\"'; // \"\nauto s = \"// kept\" /* gone */;\nauto r = R\"x(/* kept */ \")x\"; int n = 1'000; // end\nauto q = PRIu64\"%\" /* gone */;\n";
    let rust = "/// doc\nfn f<'a>(x: &'a str) -> char { '\"' } // one\n/* a /* nested */ b */ let s = r#\"// \" kept\"#; let c = '\\u{1F600}'; // é gone\nlet b = b'\\''; // gone\n";
    insta::assert_snapshot!(format!("{}----\n{}", marked(Language::Cpp, cpp), marked(Language::Rust, rust)));
}

#[test]
fn what_begins_with_a_hash() {
    let toml = "a = \"# kept\" # gone\nb = '''\n# kept\n''' # gone\nc = 'it' # gone\n";
    let shell = "#!/bin/sh\necho \"# kept\" # gone\necho $# a#b # it's gone\necho it's # kept, since a quote is open\n";
    let cmake = "set(A \"# kept\") # gone\n#[[ gone\ngone ]] set(B 1)\n";
    let ini = "a = 1 ; kept\n# gone\n; gone\n";
    let requirements = "torch==2 # gone\ngit+https://example.org/x#egg=kept\n";
    let all = [
        marked(Language::Toml, toml),
        marked(Language::Shell, shell),
        marked(Language::Cmake, cmake),
        marked(Language::Ini, ini),
        marked(Language::Requirements, requirements),
    ];
    insta::assert_snapshot!(all.join("----\n"));
}

#[test]
fn columns_are_characters_of_the_file() {
    assert_eq!(found("\"é\"; x.cuda()\n"), ["PY-DEV-001@1:7"]);
    assert_eq!(found("\n\n    import triton\n"), ["PY-KER-001@3:5"]);
    assert_eq!(found("x = 1\r\ny.cuda()\r\n"), ["PY-DEV-001@2:2"]);
}

const LANGUAGES: [Language; 6] =
    [Language::Python, Language::Cpp, Language::Rust, Language::Toml, Language::Cmake, Language::Shell];

fn nothing_moves(text: &[u8]) {
    let breaks = |text: &[u8]| -> Vec<usize> {
        text.iter().enumerate().filter(|(_, b)| matches!(b, b'\n' | b'\r')).map(|(i, _)| i).collect()
    };
    for language in LANGUAGES {
        let blanked = blank(language, text);
        assert_eq!(blanked.code.len(), text.len());
        assert_eq!(breaks(&blanked.code), breaks(text));
        let same = |(a, b): (&u8, &u8)| a == b || *b == b' ';
        assert!(text.iter().zip(&blanked.code).all(same));
        assert!(blanked.comments.iter().all(|c| c.start < c.end && c.end <= text.len()));
        // Blanking again finds no comment outside of strings that the first time left.
        let again = blank(language, &blanked.code);
        assert_eq!(again.code.len(), text.len());
    }
    // The whole way, blocks and guards too.
    let lossy = String::from_utf8_lossy(text);
    for finding in common::scanned(&[("file.py", &lossy)], portbench_migrate::Options::default()).findings {
        assert!(finding.line as usize <= lossy.lines().count().max(1) && finding.column >= 1);
    }
}

proptest! {
    #[test]
    fn nothing_moves_in_any_bytes(text in prop::collection::vec(any::<u8>(), 0..200)) {
        nothing_moves(&text);
    }

    /// Of what the lexers look at.
    #[test]
    fn nothing_moves_in_what_looks_like_code(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "\"", "'", "\"\"\"", "'''", "#", "//", "/*", "*/", "\\", "\n", "\r\n", " ", "    ", "(", ")", "[", "]", ":", ";", "é",
                "def f", "class A", "if torch.cuda.is_available()", "else", "elif x", "try", "except ImportError", "forward", "self.f(", "r", "R\"x(", ")x\"", "r#\"", "\"#",
                "lambda", ":=", "x.cuda()", "import triton", "@torch.compile", "# portbench: allow PY-DEV-001 why", "x[mask]", ".item()", "#[[", "]]", "'a",
            ]),
            0..60,
        )
    ) {
        nothing_moves(words.concat().as_bytes());
    }
}

#[test]
fn bytes_that_are_no_text_are_read_all_the_same() {
    let code = blank(Language::Python, b"x = '\xff' # \xfe\n").code;
    assert_eq!(code, b"x = '\xff'    \n");
    assert!(String::from_utf8(code).is_err());
}
