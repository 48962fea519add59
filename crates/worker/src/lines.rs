//! Reading and writing lines.

use std::io::{BufRead, Read, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ProtocolError, WorkerError};
use crate::protocol::{FromWorker, Job, MAX_LINE, ToWorker, VERSION};

/// Writes one message and flushes.
///
/// # Errors
/// [`WorkerError::Write`], [`WorkerError::Encode`].
pub fn write_line(writer: &mut impl Write, message: &impl Serialize) -> Result<(), WorkerError> {
    let mut line = serde_json::to_vec(message).map_err(WorkerError::Encode)?;
    line.push(b'\n');
    writer.write_all(&line).and_then(|()| writer.flush()).map_err(WorkerError::Write)
}

/// Reads the next message of a worker. A [`FromWorker::Hello`] of another version is an error, whatever else it holds.
///
/// # Errors
/// Every [`ProtocolError`]; [`ProtocolError::End`] where the stream ends between lines.
pub fn read_message(reader: &mut impl BufRead) -> Result<FromWorker, ProtocolError> {
    parse_message(&read_line(reader)?)
}

/// A message of a worker from a line without its end.
///
/// # Errors
/// [`ProtocolError::Garbage`], [`ProtocolError::Version`].
pub fn parse_message(line: &[u8]) -> Result<FromWorker, ProtocolError> {
    match parse(line)? {
        FromWorker::Hello { protocol, .. } if protocol != VERSION => {
            Err(ProtocolError::Version { got: protocol })
        }
        message => Ok(message),
    }
}

/// Reads a job.
///
/// # Errors
/// Every [`ProtocolError`]; [`ProtocolError::End`] where the runner wants nothing more.
pub fn read_job(reader: &mut impl BufRead) -> Result<Job, ProtocolError> {
    let job: Job = parse(&read_line(reader)?)?;
    if job.protocol == VERSION { Ok(job) } else { Err(ProtocolError::Version { got: job.protocol }) }
}

/// Waits for the word to sample: a worker whose job says `together` reads it once.
///
/// # Errors
/// Every [`ProtocolError`]; [`ProtocolError::End`] where the runner has gone.
pub fn read_go(reader: &mut impl BufRead) -> Result<(), ProtocolError> {
    let ToWorker::Go = parse(&read_line(reader)?)?;
    Ok(())
}

/// The version stands first: a line of another version may hold fields that this one does not know.
#[derive(serde::Deserialize)]
struct Versioned {
    protocol: u32,
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Result<T, ProtocolError> {
    serde_json::from_slice(line).map_err(|source| match serde_json::from_slice::<Versioned>(line) {
        Ok(Versioned { protocol }) if protocol != VERSION => ProtocolError::Version { got: protocol },
        _ => ProtocolError::Garbage { line: line.to_vec(), source },
    })
}

/// One line without its end, of at most [`MAX_LINE`] bytes.
fn read_line(reader: &mut impl BufRead) -> Result<Vec<u8>, ProtocolError> {
    let mut line = Vec::new();
    reader.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line).map_err(ProtocolError::Read)?;
    match line.last() {
        Some(b'\n') => {
            line.pop();
            Ok(line)
        }
        None => Err(ProtocolError::End),
        Some(_) if line.len() > MAX_LINE => Err(ProtocolError::TooLong),
        Some(_) => Err(ProtocolError::Truncated { line }),
    }
}
