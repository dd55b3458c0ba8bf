//! Removing the logs of long ago.

use std::path::Path;
use std::{fs, io};

/// Days of which logs are kept.
const DAYS_MAX: usize = 30;
/// Bytes of all logs together, those of today left out.
const BYTES_MAX: u64 = 4 << 30;

/// The logs of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Day {
    /// The name of its folder, which sorts by time.
    name: String,
    bytes: u64,
}

/// Removes the days that are not kept any more. What cannot be removed stays until tomorrow.
pub(super) fn clean(root: &Path, today: &str) {
    let days = match days_in(root) {
        Ok(days) => days,
        Err(error) => {
            tracing::warn!(%error, folder = %root.display(), "old logs cannot be listed");
            return;
        }
    };
    for day in outdated(days, today) {
        if let Err(error) = fs::remove_dir_all(root.join(&day)) {
            tracing::warn!(%error, day, "old logs cannot be removed");
        }
    }
}

/// The days that go: all but the latest, and of those the oldest that are too much.
fn outdated(mut days: Vec<Day>, today: &str) -> Vec<String> {
    days.retain(|day| day.name.as_str() < today);
    days.sort_by(|a, b| b.name.cmp(&a.name));
    let mut bytes = 0;
    let mut gone = Vec::new();
    for (age, day) in days.into_iter().enumerate() {
        bytes += day.bytes;
        if age + 1 >= DAYS_MAX || bytes > BYTES_MAX {
            gone.push(day.name);
        }
    }
    gone
}

fn days_in(root: &Path) -> io::Result<Vec<Day>> {
    let mut days = Vec::new();
    for folder in fs::read_dir(root)? {
        let folder = folder?;
        // Nothing else is ours to remove.
        let Some(name) = folder.file_name().to_str().filter(|name| is_day(name)).map(str::to_owned)
        else {
            continue;
        };
        let mut bytes = 0;
        for file in fs::read_dir(folder.path())? {
            bytes += file?.metadata()?.len();
        }
        days.push(Day { name, bytes });
    }
    Ok(days)
}

fn is_day(name: &str) -> bool {
    name.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_kept_and_no_more_than_there_is_room_for() {
        let day = |day: usize, bytes| Day { name: format!("2026-10-{day:02}"), bytes };
        let month: Vec<Day> = (1..=31).map(|number| day(number, 1)).collect();
        assert_eq!(outdated(month.clone(), "2026-10-31"), ["2026-10-01"]);
        assert_eq!(outdated(month, "2026-11-01"), ["2026-10-02", "2026-10-01"]);
        let large = vec![day(1, 1), day(2, BYTES_MAX), day(3, 1), day(4, 2 * BYTES_MAX)];
        assert_eq!(outdated(large, "2026-10-04"), ["2026-10-02", "2026-10-01"]);
    }

    #[test]
    fn only_days_are_touched() {
        let root = tempfile::tempdir().unwrap();
        for name in ["2020-01-01", "2026-11-22", "mine", "2020-1-1"] {
            fs::create_dir(root.path().join(name)).unwrap();
            fs::write(root.path().join(name).join("x.jsonl"), "{}").unwrap();
        }
        for number in 1..DAYS_MAX {
            fs::create_dir(root.path().join(format!("2026-10-{number:02}"))).unwrap();
        }
        clean(root.path(), "2026-11-22");
        assert!(!root.path().join("2020-01-01").exists());
        assert!(root.path().join("2026-11-22/x.jsonl").exists());
        assert!(root.path().join("mine/x.jsonl").exists());
        assert!(root.path().join("2020-1-1/x.jsonl").exists());
    }
}
