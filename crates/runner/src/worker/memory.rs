//! Was it the kernel's out-of-memory killer?

use std::fs;

/// Processes the kernel has killed for memory so far, by the system's and this container's counters; `None` where neither can be read.
pub(crate) fn kills() -> Option<u64> {
    let counters = ["/proc/vmstat", "/sys/fs/cgroup/memory.events"];
    let found: Vec<u64> =
        counters.iter().filter_map(|path| counter(&fs::read_to_string(path).ok()?)).collect();
    (!found.is_empty()).then(|| found.iter().sum())
}

fn counter(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

/// Whether a process that was killed between two readings may have been killed for memory: the counter rose, or there is none.
pub(crate) fn plausible(before: Option<u64>, after: Option<u64>) -> bool {
    match (before, after) {
        (Some(before), Some(after)) => after > before,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_found_among_others() {
        assert_eq!(counter("low 0\noom 3\noom_kill 2\noom_group_kill 0\n"), Some(2));
        assert_eq!(counter("nr_free_pages 12\n"), None);
    }

    #[test]
    fn a_kill_is_for_memory_if_the_counter_rose_or_is_not_there() {
        assert!(plausible(Some(1), Some(2)));
        assert!(!plausible(Some(1), Some(1)));
        assert!(plausible(None, None));
    }
}
