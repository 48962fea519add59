//! `schema`: the JSON Schemas of the files that portbench reads and writes.

use std::fs;
use std::io::{self, Write};

use serde_json::Value;

use crate::args::{SchemaArgs, SchemaKind};
use crate::failure::Failure;
use crate::progress;

/// Every schema: the file name it is committed under.
const ALL: [(SchemaKind, &str); 3] = [
    (SchemaKind::Workload, "workload.json"),
    (SchemaKind::Suite, "suite.json"),
    (SchemaKind::Record, "record-v1.json"),
];

fn schema(kind: SchemaKind) -> Value {
    match kind {
        SchemaKind::Workload => portbench_workload::workload_schema(),
        SchemaKind::Suite => portbench_workload::suite_schema(),
        SchemaKind::Record => portbench_records::schema(),
    }
}

pub(crate) fn run(args: &SchemaArgs) -> Result<u8, Failure> {
    let text = |kind| serde_json::to_string_pretty(&schema(kind)).map(|text| text + "\n");
    if let Some(kind) = args.kind {
        io::stdout().write_all(text(kind)?.as_bytes())?;
    }
    if let Some(dir) = &args.out {
        let failed = |error| Failure::failed(format!("cannot write schemas to {}: {error}", dir.display()));
        fs::create_dir_all(dir).map_err(failed)?;
        for (kind, file) in ALL {
            fs::write(dir.join(file), text(kind)?).map_err(failed)?;
        }
        progress::say(&format!("wrote {} schemas to {}", ALL.len(), dir.display()));
    }
    Ok(0)
}
