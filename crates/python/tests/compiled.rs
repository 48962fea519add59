//! `torch-compile` where Inductor would hand out what it should copy. The conformance suite finds it too, and compiles for minutes.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{interpreter, python};
use portbench_graph::{DType, ProgramBuilder, Type};

/// Writes rows of a cache through two entries, and prints the first one's answer before and after the second one ran.
const SCRIPT: &str = "
import struct, sys
from portbench_torch.engines.compiled import Compiled

run = Compiled('cpu').compile(sys.stdin.read(), '{\"threads\": 1, \"tf32\": false, \"decompose_all\": false}')
execute = run.finish()
for entry, position, value in ((0, 0, 1.0), (1, 2, 9.0)):
    run.bind(entry, 'x', bytearray(struct.pack('<3f', value, value, value)))
    run.bind(entry, 'position', bytearray(struct.pack('<q', position)))
    execute[entry]()
    print(struct.unpack('<12f', run.fetch(0, 'cache')))
print(struct.unpack('<12f', run.fetch(1, 'cache')))
";

#[test]
fn an_entrys_answer_is_not_written_by_another_entry() {
    let mut builder = ProgramBuilder::new("cache", DType::F32);
    for name in ["prefill", "decode"] {
        builder.entry(name, |g| {
            let x = g.input("x", Type::new(DType::F32, [1, 1, 3]));
            let position = g.input("position", Type::scalar(DType::I64));
            let cache = g.state("cache", Type::new(DType::F32, [1, 4, 3]));
            let written = g.update_slice(cache, x, position, 1);
            g.update("cache", written);
            g.output("cache", written);
        });
    }
    let program = builder.finish().unwrap().to_json().unwrap();
    let like = python(&[]);
    let mut command = Command::new(interpreter());
    command.args(["-c", SCRIPT]).envs(like.get_envs().filter_map(|(k, v)| Some((k, v?))));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
    let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    let first = "(1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)";
    let both = "(1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 9.0, 9.0, 9.0, 0.0, 0.0, 0.0)";
    assert_eq!(lines, [first, first, both]);
}
