//! Several workers that sample at the same time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use portbench_records::Outcome;
use portbench_worker::{Job, Phase};

use super::job::{Finished, Heard, Stop, Watch, run};
use crate::plan::Replica;

/// Where all have to arrive before any goes on.
struct Gate {
    missing: Mutex<usize>,
    changed: Condvar,
    called_off: AtomicBool,
}

impl Gate {
    fn arrive(&self) -> bool {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        *missing = missing.saturating_sub(1);
        self.changed.notify_all();
        while *missing > 0 && !self.is_called_off() {
            missing = self.changed.wait(missing).unwrap_or_else(PoisonError::into_inner);
        }
        !self.is_called_off()
    }

    fn call_off(&self) {
        // Under the lock: nobody looks at the flag and starts to wait in between.
        let _missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        self.called_off.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    fn is_called_off(&self) -> bool {
        self.called_off.load(Ordering::Relaxed)
    }
}

/// What the first replica said, to be told on the thread that listens.
enum Told {
    Phase(Phase),
    Progress { fraction: Option<f64>, detail: Option<String> },
}

/// Has every replica do its job, all of them sampling at the same time. The first is the one that is heard. Where one fails, the others are killed.
pub(crate) fn run_together(jobs: &[(&Replica, Job)], watch: &mut Watch<'_>) -> Result<Vec<Finished>, Stop> {
    let gate =
        Gate { missing: Mutex::new(jobs.len()), changed: Condvar::new(), called_off: AtomicBool::new(false) };
    let (gate, limits) = (&gate, watch.limits);
    let (tell, told) = mpsc::channel();
    let ends: Vec<Result<Finished, Stop>> = thread::scope(|scope| {
        let replica = |(number, (replica, job)): (usize, &(&Replica, Job))| {
            let (tell, worker, job) = (tell.clone(), replica.worker.clone(), job.clone());
            scope.spawn(move || {
                let mut hear = |heard: Heard<'_>| {
                    if number == 0 {
                        let _ = tell.send(match heard {
                            Heard::Phase(phase) => Told::Phase(phase),
                            Heard::Progress { fraction, detail } => {
                                Told::Progress { fraction, detail: detail.map(ToOwned::to_owned) }
                            }
                        });
                    }
                };
                let (cancelled, ready) = (|| gate.is_called_off(), || gate.arrive());
                let mut watch = Watch { limits, cancelled: &cancelled, hear: &mut hear, ready: &ready };
                let end = run(&worker, &job, &mut watch);
                if end.is_err() {
                    gate.call_off();
                }
                end
            })
        };
        let threads: Vec<_> = jobs.iter().enumerate().map(replica).collect();
        drop(tell);
        loop {
            match told.recv_timeout(Duration::from_millis(100)) {
                Ok(Told::Phase(phase)) => (watch.hear)(Heard::Phase(phase)),
                Ok(Told::Progress { fraction, detail }) => {
                    (watch.hear)(Heard::Progress { fraction, detail: detail.as_deref() });
                }
                Err(RecvTimeoutError::Timeout) if (watch.cancelled)() => gate.call_off(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let panicked = || Stop::Ended {
            outcome: Outcome::Crashed,
            detail: "the thread that watched a replica panicked".to_owned(),
            info: None,
        };
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
    });
    // The one that failed says why; the others were called off because of it.
    let first = ends.iter().position(|end| matches!(end, Err(Stop::Ended { .. })));
    let blame = first.and_then(|i| jobs.get(i)).map(|(replica, _)| replica.place());
    let mut all = Vec::with_capacity(ends.len());
    for (number, end) in ends.into_iter().enumerate() {
        match (end, &blame) {
            (Err(Stop::Ended { outcome, detail, info }), Some(place)) if first == Some(number) => {
                let detail = format!("replica {number} on {place}: {detail}");
                return Err(Stop::Ended { outcome, detail, info });
            }
            (Err(Stop::Cancelled), None) => return Err(Stop::Cancelled),
            (Err(_), _) => {}
            (Ok(finished), _) => all.push(finished),
        }
    }
    Ok(all)
}
