//! One worker process: lines out, lines in, its last words, its end.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use portbench_worker::MAX_LINE;

use super::affinity;
use crate::plan::WorkerCommand;

/// Bytes of stderr that are kept: the last ones.
const TAIL: usize = 64 << 10;

/// What came out of the worker.
#[derive(Debug)]
pub(crate) enum Output {
    /// A whole line, without its end.
    Line(Vec<u8>),
    /// The end, after so many bytes of a line that has none.
    End(Vec<u8>),
    /// A line longer than the protocol allows.
    TooLong,
}

/// A running worker. Dropping it kills the process and every process it started.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    /// Lines for its input, which stays open until this is dropped.
    input: Option<mpsc::Sender<Vec<u8>>>,
    output: Receiver<Output>,
    tail: Arc<Mutex<VecDeque<u8>>>,
    tail_reader: Option<JoinHandle<()>>,
    ended: Option<ExitStatus>,
}

impl Process {
    pub(crate) fn start(command: &WorkerCommand) -> io::Result<Self> {
        let mut start = Command::new(&command.program);
        start.args(&command.args).envs(command.env.iter().map(|(k, v)| (k, v)));
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: what the worker starts dies with it, and an interrupt typed at the terminal reaches the runner alone.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut start, 0);
        let mut child = affinity::on_cpus(command.cpus.as_deref(), || start.spawn())?;
        let missing = || io::Error::other("a pipe of the new process is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let (input, to_write) = mpsc::channel();
        thread::spawn(move || write_lines(stdin, &to_write));
        let (lines, output) = mpsc::channel();
        thread::spawn(move || read_lines(BufReader::new(stdout), &lines));
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&tail);
        let tail_reader = thread::spawn(move || keep_tail(stderr, &kept));
        Ok(Self { child, input: Some(input), output, tail, tail_reader: Some(tail_reader), ended: None })
    }

    /// The next output, waiting until `deadline` at most.
    pub(crate) fn next(&self, deadline: Instant) -> Option<Output> {
        match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(output) => Some(output),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Output::End(Vec::new())),
        }
    }

    /// Hands the process a line, and keeps its input open. Writing happens beside: a worker that does not read must not stop the runner.
    pub(crate) fn send(&mut self, mut line: Vec<u8>) {
        line.push(b'\n');
        if let Some(input) = &self.input {
            // A worker that has gone does not read; its end is noticed where its output is read.
            let _ = input.send(line);
        }
    }

    /// Closes the process's input and waits until it has gone by itself, at most that long; then kills it. `None` if it had to be killed.
    pub(crate) fn finish(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.input = None;
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_micros(200);
        let mut gone = self.has_exited();
        while !gone && Instant::now() < deadline {
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
            gone = self.has_exited();
        }
        self.kill();
        self.ended.filter(|_| gone)
    }

    /// Kills the process, if it runs, and everything it started.
    pub(crate) fn kill(&mut self) {
        if self.ended.is_none() {
            // Before the process is waited for: until then its number cannot belong to another group.
            #[cfg(unix)]
            if let Some(group) = self.pid() {
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    #[cfg(unix)]
    fn pid(&self) -> Option<rustix::process::Pid> {
        i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw)
    }

    /// Whether the process has gone; it is not waited for yet.
    #[cfg(unix)]
    fn has_exited(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        self.pid().is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), look), Ok(None)))
    }

    #[cfg(not(unix))]
    fn has_exited(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// What the process last wrote to stderr. Call after its end.
    pub(crate) fn last_words(&mut self) -> String {
        // A process that it started may hold the pipe open; what has come so far is enough then.
        if let Some(reader) = self.tail_reader.take() {
            let deadline = Instant::now() + Duration::from_secs(1);
            while !reader.is_finished() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
        }
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = tail.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes lines until there are no more or nobody reads; then the input closes.
fn write_lines(mut stdin: ChildStdin, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_lines(mut stdout: impl BufRead, lines: &mpsc::Sender<Output>) {
    loop {
        let mut line = Vec::new();
        // A read that fails is an end: the process behind it has gone.
        let read = (&mut stdout).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line);
        let output = if line.last() == Some(&b'\n') {
            line.pop();
            Output::Line(line)
        } else if line.len() > MAX_LINE {
            Output::TooLong
        } else {
            Output::End(line)
        };
        let last = read.is_err() || !matches!(output, Output::Line(_));
        if lines.send(output).is_err() || last {
            return;
        }
    }
}

fn keep_tail(mut stderr: impl Read, tail: &Mutex<VecDeque<u8>>) {
    let mut chunk = [0u8; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk) {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(&chunk[..read]);
        let excess = tail.len().saturating_sub(TAIL);
        tail.drain(..excess);
    }
}
