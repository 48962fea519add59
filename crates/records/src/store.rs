//! The results directory: runs, and how they are found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::directory::Run;
use crate::error::StoreError;
use crate::files;
use crate::run::RunInfo;

/// A results directory. One directory in it is one run, named by an id that sorts by time:
/// `<yyyymmdd>-<hhmmss><milliseconds>-<four random digits>`, in UTC.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in that directory, which need not exist before the first run.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directory of a new run and stores what it sets out to do. Two processes never get the same one.
    ///
    /// # Errors
    /// [`StoreError::Write`].
    pub fn create(&self, info: &RunInfo) -> Result<Run, StoreError> {
        fs::create_dir_all(&self.root).map_err(StoreError::write(&self.root))?;
        let dir = loop {
            let dir = self.root.join(new_id(SystemTime::now()));
            match fs::create_dir(&dir) {
                Ok(()) => break dir,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(StoreError::write(&dir)(e)),
            }
        };
        let run = Run::at(dir);
        for part in [run.cells_dir(), run.partial_dir()] {
            fs::create_dir(&part).map_err(StoreError::write(&part))?;
        }
        files::write_json(&run.info_path(), info)?;
        files::sync_directory(&self.root)?;
        Ok(run)
    }

    /// Ids of all runs, oldest first. A directory without `run.json` is none.
    ///
    /// # Errors
    /// [`StoreError::Read`]; a results directory that does not exist has no runs.
    pub fn runs(&self) -> Result<Vec<String>, StoreError> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(StoreError::read(&self.root)(e)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(StoreError::read(&self.root))?;
            if let Ok(name) = entry.file_name().into_string()
                && Run::is_at(&entry.path())
            {
                ids.push(name);
            }
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// The run that a person means: an id, the beginning of one, `latest`, or the path of a run's directory.
    ///
    /// # Errors
    /// [`StoreError::NoRun`], [`StoreError::Ambiguous`], [`StoreError::Read`].
    pub fn resolve(&self, selector: &str) -> Result<Run, StoreError> {
        let path = Path::new(selector);
        if Run::is_at(path) {
            return Ok(Run::at(path.to_owned()));
        }
        let mut known = self.runs()?;
        let found: Vec<String> = match selector {
            "latest" => known.last().cloned().into_iter().collect(),
            "" => Vec::new(),
            _ if known.iter().any(|id| id == selector) => vec![selector.to_owned()],
            _ => known.iter().filter(|id| id.starts_with(selector)).cloned().collect(),
        };
        match found.as_slice() {
            [id] => Ok(Run::at(self.root.join(id))),
            [] => {
                known.reverse();
                Err(StoreError::NoRun { selector: selector.to_owned(), root: self.root.clone(), known })
            }
            _ => Err(StoreError::Ambiguous { selector: selector.to_owned(), candidates: found }),
        }
    }
}

fn new_id(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (year, month, day) = utc_day(seconds);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let milliseconds = since.subsec_millis();
    let random: u16 = rand::random();
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}{milliseconds:03}-{random:04x}")
}

/// Year, month and day, in UTC, of seconds since 1970-01-01.
#[must_use]
pub fn utc_day(seconds: u64) -> (i64, i64, i64) {
    civil((seconds / 86_400) as i64)
}

/// Gregorian date of a number of days since 1970-01-01. Years are counted from March, so that the leap day ends one; 400 of them are an era.
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(ERA), days.rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // Golden: `date -u -d @SECONDS +%Y%m%d` of GNU coreutils.
        for (days, date) in [
            (0, (1970, 1, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_781, (2026, 11, 24)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(civil(days), date, "day {days}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let id = |ms| new_id(UNIX_EPOCH + Duration::from_millis(ms));
        assert!(id(1_795_453_999_001) > id(1_795_453_999_000));
        assert!(id(1_795_453_999_001).starts_with("20261123-171319001-"));
    }
}
