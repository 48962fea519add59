//! Time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A monotonic clock in nanoseconds since an origin of its own.
pub trait Clock {
    /// Now.
    fn now(&self) -> u64;

    /// Waits until `at` and returns the time then, which is `at` or later.
    fn wait_until(&self, at: u64) -> u64;
}

/// The system's monotonic clock, counted from the clock's creation.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

/// A sleep ends late by tens of microseconds, under load by more; the rest of a wait is spun.
const SPIN: Duration = Duration::from_micros(500);

impl SystemClock {
    /// Clock that starts at 0.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[inline]
    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    fn wait_until(&self, at: u64) -> u64 {
        let mut now = self.now();
        let spin = SPIN.as_nanos() as u64;
        if at > now + 2 * spin {
            std::thread::sleep(Duration::from_nanos(at - now - spin));
            now = self.now();
        }
        while now < at {
            std::hint::spin_loop();
            now = self.now();
        }
        now
    }
}

/// A clock for tests: it stands still until somebody advances it. Clones share their time.
#[derive(Clone, Debug, Default)]
pub struct FakeClock {
    now: Arc<AtomicU64>,
}

impl FakeClock {
    /// Clock that stands at 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves time on.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(by.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn wait_until(&self, at: u64) -> u64 {
        self.now.fetch_max(at, Ordering::Relaxed).max(at)
    }
}

/// The smallest step between two readings that differ, in nanoseconds; 0 if the clock stands still.
#[must_use]
pub fn resolution(clock: &dyn Clock) -> u64 {
    const READINGS: usize = 1000;
    let mut smallest = u64::MAX;
    let mut last = clock.now();
    for _ in 0..READINGS {
        let now = clock.now();
        if now > last {
            smallest = smallest.min(now - last);
        }
        last = now;
    }
    if smallest == u64::MAX { 0 } else { smallest }
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 * 1e-9
}

/// Seconds as nanoseconds; a negative or absurd number of seconds becomes the nearest that can be.
pub(crate) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
