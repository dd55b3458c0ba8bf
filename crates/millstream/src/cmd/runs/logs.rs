//! `millstream runs logs`

use std::time::Duration;

use millstream_core::id::RunId;
use millstream_core::log::{Level, Origin};
use millstream_ledger::{Ledger, RunState};
use millstream_run::{LogEntry, LogPage, LogQuery, Logs, Start};

use super::found;
use crate::cli::{Global, LogLevel, LogsArgs, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{print_json, print_line, print_note};
use crate::wire::open_records;

/// Lines that are read at once.
const PAGE_LINES: usize = 1000;
/// How often a run that is at work is looked at.
const FOLLOW_POLL: Duration = Duration::from_millis(100);

/// Shows what the steps of a run said.
pub async fn run(global: &Global, args: &LogsArgs) -> Outcome {
    let (ledger, logs) = open_records(global).await?;
    let run = found(&ledger, args.run.as_deref())?.summary.run;
    let reader = Reader { ledger, logs, run, args };
    match (args.follow, global.output) {
        (true, format) => reader.follow(format).await,
        (false, OutputFormat::Json) => {
            let mut entries = Vec::new();
            reader.each(|entry| {
                entries.push(entry);
                Ok(())
            })?;
            print_json("logs", &entries)
        }
        (false, _) => {
            let mut is_empty = true;
            reader.each(|entry| {
                is_empty = false;
                print_line(&shown(&entry))
            })?;
            if is_empty {
                print_note("no lines; --level debug shows all, and those of a month ago are gone");
            }
            Ok(())
        }
    }
}

struct Reader<'a> {
    ledger: Ledger,
    logs: Logs,
    run: RunId,
    args: &'a LogsArgs,
}

impl Reader<'_> {
    /// All lines that there are.
    fn each(&self, mut show: impl FnMut(LogEntry) -> Outcome) -> Outcome {
        let mut from = 0;
        loop {
            let page = self.page(from)?;
            page.entries.into_iter().try_for_each(&mut show)?;
            if page.is_end {
                return Ok(());
            }
            from = page.next;
        }
    }

    /// All lines, until the run has ended.
    async fn follow(&self, format: OutputFormat) -> Outcome {
        let mut from = 0;
        loop {
            // Before the lines: what a run says, it says before it ends.
            let is_over = self.is_over()?;
            let page = self.page(from)?;
            from = page.next;
            for entry in page.entries {
                match format {
                    OutputFormat::Json => print_line(&line_of(&entry)?)?,
                    _ => print_line(&shown(&entry))?,
                }
            }
            match (page.is_end, is_over) {
                (true, true) => return Ok(()),
                (true, false) => tokio::time::sleep(FOLLOW_POLL).await,
                (false, _) => {}
            }
        }
    }

    fn page(&self, from: u64) -> Result<LogPage, Failure> {
        let level = match self.args.level {
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        };
        let query = LogQuery {
            asset: self.args.asset.clone(),
            attempt: self.args.attempt,
            level,
            start: Start::At(from),
            limit: PAGE_LINES,
        };
        Ok(self.logs.read(self.run, &query)?)
    }

    fn is_over(&self) -> Result<bool, Failure> {
        let head = self.ledger.run_head(self.run)?;
        Ok(head.is_none_or(|(listed, _)| listed.head.state != RunState::Running))
    }
}

fn line_of(entry: &LogEntry) -> Result<String, Failure> {
    serde_json::to_string(entry).map_err(|error| Failure::Usage(error.to_string()))
}

/// A line for people: the time of day, how much it matters or which way it was printed, whose it is.
fn shown(entry: &LogEntry) -> String {
    let at = entry.at.to_string();
    let time = at.split_once('T').map_or(at.as_str(), |(_, time)| time);
    let time: String = time.chars().take("00:00:00.000".len()).collect();
    let kind = match entry.from {
        Origin::Millstream => entry.level.word(),
        Origin::Stdout => "out",
        Origin::Stderr => "err",
    };
    let step = match entry.attempt {
        0 | 1 => entry.asset.name.clone(),
        number => format!("{}#{number}", entry.asset.name),
    };
    format!("{time:<12}  {kind:<5}  {step:<24}  {}", entry.text)
}
