//! Lines for people and programs, with their time: to stdout, as dbt prints them, and to a file.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::clock::Clock;
use millstream_dbt::context::{LogEvent, LogLevel, LogSink};
use serde_json::{Map, json};

use super::cli::LogFormat;

/// Colors of terminals.
const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// Takes lines of a command; several threads may.
#[derive(Debug, Clone)]
pub struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    format: LogFormat,
    loudness: Loudness,
    colors: Colors,
    invocation: String,
    file: Mutex<Option<File>>,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// Errors and results.
    Quiet,
    /// What the command does.
    Usual,
    /// All that templates say, too.
    Debug,
}

/// Whether what is printed has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// Green, yellow and red.
    On,
    /// None.
    Off,
}

impl Log {
    /// A log; the file in the folder gets everything. A file that cannot be written is none.
    pub fn new(
        folder: Option<&Path>,
        format: LogFormat,
        loudness: Loudness,
        colors: Colors,
        invocation: &str,
    ) -> Self {
        let open = || {
            let folder = folder?;
            fs::create_dir_all(folder).ok()?;
            OpenOptions::new().create(true).append(true).open(folder.join("dbt.log")).ok()
        };
        let file = Mutex::new(open());
        Self(Arc::new(Inner { format, loudness, colors, invocation: invocation.to_owned(), file }))
    }

    /// Says what the command does.
    pub fn say(&self, text: &str) {
        self.write("info", text, self.0.loudness != Loudness::Quiet);
    }

    /// Warns.
    pub fn warn(&self, text: &str) {
        self.write("warn", text, self.0.loudness != Loudness::Quiet);
    }

    /// Says what went wrong.
    pub fn error(&self, text: &str) {
        self.write("error", text, true);
    }

    /// Says what has a name among dbt's events: `SQLQuery`.
    pub fn event(&self, level: &str, name: &str, text: &str) {
        self.tell(level, &LogEvent { name, text, data: &Map::new });
    }

    fn tell(&self, level: &str, event: &LogEvent<'_>) {
        let is_shown = match level {
            "error" => true,
            "debug" => self.0.loudness == Loudness::Debug,
            _ => self.0.loudness != Loudness::Quiet,
        };
        self.write_event(level, event, is_shown);
    }

    /// Prints a result, without time.
    pub fn print(&self, text: &str) {
        let line = match self.0.format {
            LogFormat::Json => {
                self.json("info", &LogEvent { name: "PrintEvent", text, data: &Map::new })
            }
            LogFormat::Otel => otel("info", text),
            _ => text.to_owned(),
        };
        stdout(&line);
        self.to_file(text);
    }

    /// Where templates say something.
    pub fn sink(&self) -> LogSink {
        let log = self.clone();
        LogSink::named(move |level, event| match level {
            LogLevel::Debug => log.tell("debug", event),
            LogLevel::Info => log.tell("info", event),
            LogLevel::Print => log.print(event.text),
            LogLevel::Warn => {
                let text = format!("[WARNING]: {}", event.text);
                log.tell("warn", &LogEvent { text: &text, ..*event });
            }
        })
    }

    fn write(&self, level: &str, text: &str, is_shown: bool) {
        self.write_event(level, &LogEvent { name: "Note", text, data: &Map::new }, is_shown);
    }

    fn write_event(&self, level: &str, event: &LogEvent<'_>, is_shown: bool) {
        let text = event.text;
        if is_shown {
            match self.0.format {
                LogFormat::Json => stdout(&self.json(level, event)),
                LogFormat::Otel => stdout(&otel(level, text)),
                LogFormat::Default | LogFormat::Text | LogFormat::Debug => {
                    let text = match self.0.colors {
                        Colors::On => colored(level, text),
                        Colors::Off => text.to_owned(),
                    };
                    stdout(&format!("{}  {text}", time()));
                }
            }
        }
        self.to_file(text);
    }

    fn json(&self, level: &str, event: &LogEvent<'_>) -> String {
        let mut data = (event.data)();
        data.insert("msg".to_owned(), json!(event.text));
        let info = json!({
            "category": "", "code": "", "extra": {}, "invocation_id": self.0.invocation,
            "level": level, "msg": event.text, "name": event.name, "pid": std::process::id(),
            "thread": std::thread::current().name().unwrap_or("MainThread"),
            "ts": Clock::System.now().to_string(),
        });
        json!({"data": data, "info": info}).to_string()
    }

    fn to_file(&self, text: &str) {
        let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut *file {
            // The command goes on without its log.
            let _ = writeln!(file, "{}  {text}", Clock::System.now());
        }
    }
}

/// A record that dbt relays when this program is its parser.
fn otel(level: &str, text: &str) -> String {
    let (number, word) = match level {
        "debug" => (5, "DEBUG"),
        "warn" => (13, "WARN"),
        "error" => (17, "ERROR"),
        _ => (9, "INFO"),
    };
    let nanos = i128::from(Clock::System.now().as_micros()) * 1000;
    json!({
        "record_type": "LogRecord", "event_type": "v1.public.events.fusion.log.LogMessage",
        "time_unix_nano": nanos.to_string(), "severity_number": number, "severity_text": word,
        "body": text, "attributes": {},
    })
    .to_string()
}

/// Colors a line by its level, or what stands in brackets at its end by what it says.
fn colored(level: &str, text: &str) -> String {
    let paint = |code: u8, text: &str| format!("\x1b[{code}m{text}\x1b[0m");
    match (level, text.rsplit_once(" [")) {
        ("error", _) => paint(RED, text),
        ("warn", _) => paint(YELLOW, text),
        ("info", Some((line, status))) if status.ends_with(']') && status != "RUN]" => {
            let status = status.trim_end_matches(']');
            let code = match status.split(' ').next() {
                Some("ERROR" | "FAIL") => RED,
                Some("WARN" | "SKIP" | "SKIPPED") => YELLOW,
                _ => GREEN,
            };
            format!("{line} [{}]", paint(code, status))
        }
        _ => text.to_owned(),
    }
}

/// `08:30:00`
fn time() -> String {
    let now = Clock::System.now().to_string();
    let time = now.split_once('T').map_or(now.as_str(), |(_, time)| time);
    time.chars().take(8).collect()
}

/// A closed pipe ends the listening, not the work.
fn stdout(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}
