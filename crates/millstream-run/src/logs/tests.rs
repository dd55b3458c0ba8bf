use std::fs;
use std::io::Write as _;

use millstream_core::asset::AssetKey;
use millstream_core::clock::Clock;
use millstream_core::id::RunId;
use millstream_core::log::{Level, Origin, Said};
use tempfile::TempDir;

use super::{LogPage, LogQuery, Logs, Start};

struct Place {
    _folder: TempDir,
    logs: Logs,
    run: RunId,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let logs = Logs::new(folder.path().join("logs"), Clock::System);
        Self { _folder: folder, logs, run: RunId::new() }
    }

    fn read(&self, start: Start, limit: usize) -> LogPage {
        let query = LogQuery { start, limit, ..all() };
        self.logs.read(self.run, &query).unwrap()
    }
}

fn all() -> LogQuery {
    LogQuery { asset: None, attempt: None, level: Level::Debug, start: Start::At(0), limit: 1000 }
}

fn asset(name: &str) -> AssetKey {
    format!("table:main.{name}").parse().unwrap()
}

fn info(text: &str) -> Said {
    Said::new(Level::Info, text)
}

fn texts(page: &LogPage) -> Vec<&str> {
    page.entries.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn pages_follow_each_other_while_the_log_grows() {
    let place = Place::new();
    assert!(place.read(Start::At(0), 2).is_end, "nothing was said");
    let log = place.logs.of_run(place.run);
    for text in ["one", "two", "three"] {
        log.say(&asset("a"), 1, info(text));
    }
    let first = place.read(Start::At(0), 2);
    assert_eq!((texts(&first), first.is_end), (vec!["one", "two"], false));
    let second = place.read(Start::At(first.next), 2);
    assert_eq!((texts(&second), second.is_end), (vec!["three"], true));
    log.say(&asset("a"), 1, info("four"));
    assert_eq!(texts(&place.read(Start::At(second.next), 2)), ["four"]);
    assert_eq!(texts(&place.read(Start::Tail, 2)), ["three", "four"]);
}

#[test]
fn lines_are_found_by_asset_attempt_and_level() {
    let place = Place::new();
    let log = place.logs.of_run(place.run);
    log.say(&asset("orders"), 1, info("one").with("rows", 3));
    log.say(&asset("orders"), 2, Said::new(Level::Warn, "two"));
    log.say(&asset("old_orders"), 1, Said::printed(Origin::Stderr, "three"));
    let found = |query: LogQuery| {
        let page = place.logs.read(place.run, &query).unwrap();
        texts(&page).iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()
    };
    for name in ["orders", "main.orders", "table:main.orders"] {
        assert_eq!(found(LogQuery { asset: Some(name.into()), ..all() }), ["one", "two"]);
    }
    assert_eq!(found(LogQuery { attempt: Some(1), ..all() }), ["one", "three"]);
    assert_eq!(found(LogQuery { level: Level::Warn, ..all() }), ["two"]);
    let page = place.logs.read(place.run, &all()).unwrap();
    assert_eq!(page.entries[0].fields["rows"], 3);
    assert_eq!(page.entries[2].from, Origin::Stderr);
}

#[test]
fn a_line_that_was_cut_off_spoils_no_other() {
    let place = Place::new();
    place.logs.of_run(place.run).say(&asset("a"), 1, info("one"));
    let path = place.logs.file(place.run).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(b"{\"at\":\"2026").unwrap();
    let page = place.read(Start::At(0), 10);
    assert_eq!((texts(&page), page.is_end), (vec!["one"], true));
    file.write_all(b"\n\xff garbage\n[]\n").unwrap();
    place.logs.of_run(place.run).say(&asset("a"), 2, info("two"));
    assert_eq!(texts(&place.read(Start::At(page.next), 10)), ["two"]);
}

#[test]
fn a_program_that_prints_without_end_leaves_room_for_what_matters() {
    let place = Place::new();
    let log = place.logs.of_run(place.run);
    let line = "x".repeat(1 << 16);
    for _ in 0..100 {
        log.say(&asset("a"), 1, Said::printed(Origin::Stdout, line.as_str()));
    }
    log.say(&asset("a"), 1, info("published"));
    log.say(&asset("b"), 1, Said::printed(Origin::Stdout, "heard"));
    let bytes = fs::metadata(place.logs.file(place.run).unwrap()).unwrap().len();
    assert!(bytes < 5 << 20, "{bytes}");
    let last = place.read(Start::Tail, 3);
    assert_eq!(texts(&last), ["(what follows is left out: the log is full)", "published", "heard"]);
}

#[test]
fn logs_that_keep_nothing_give_nothing() {
    let (logs, run) = (Logs::nowhere(), RunId::new());
    logs.of_run(run).say(&asset("a"), 1, info("one"));
    assert!(logs.read(run, &all()).unwrap().entries.is_empty());
}
