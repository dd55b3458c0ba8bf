//! Errors of the command line: how they are printed and which status they end with.

use std::io::Write;
use std::process::ExitCode;

use millstream_core::diagnostic::Diagnostic;
use millstream_core::error::Error;
use serde_json::json;

use crate::cli::OutputFormat;

/// Why a verb did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// A coded error.
    Error(Error),
    /// The project's files are at fault.
    Diagnostics(Vec<Diagnostic>),
    /// The arguments are at fault.
    Usage(String),
    /// All is printed already; only the status is left.
    Status(u8),
}

/// The result of a verb.
pub type Outcome = Result<(), Failure>;

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Failure {
    /// A failure from writing results, of which a closed pipe is none.
    pub fn of_write(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Status(0);
        }
        Self::Error(
            millstream_core::error::Plain::external("cli.write", format!("cannot write: {error}"))
                .into(),
        )
    }

    /// Prints the failure to stderr and gives the exit status of DESIGN 6.
    pub fn report(&self, format: OutputFormat) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        // There is nowhere left to say that stderr is closed.
        let _ = match format {
            OutputFormat::Json => writeln!(stderr, "{}", self.json()),
            _ => self.write_text(&mut stderr),
        };
        ExitCode::from(self.status())
    }

    fn status(&self) -> u8 {
        match self {
            Self::Error(error) => error.fault().exit_code(),
            Self::Diagnostics(_) => 1,
            Self::Usage(_) => 2,
            Self::Status(status) => *status,
        }
    }

    fn write_text(&self, out: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::Error(error) => {
                writeln!(out, "error[{}]: {error}", error.code())?;
                match error.hint() {
                    Some(hint) => writeln!(out, "  hint: {hint}"),
                    None => Ok(()),
                }
            }
            Self::Diagnostics(diagnostics) => {
                diagnostics.iter().try_for_each(|diagnostic| writeln!(out, "{diagnostic}"))
            }
            Self::Usage(message) => writeln!(out, "error: {message}"),
            Self::Status(_) => Ok(()),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Error(error) => json!({"version": 1, "error": {
                "code": error.code(), "message": error.to_string(),
                "fault": error.fault(), "hint": error.hint(),
            }}),
            Self::Diagnostics(diagnostics) => json!({"version": 1, "diagnostics": diagnostics}),
            Self::Usage(message) => {
                json!({"version": 1, "error": {"code": "cli.usage", "message": message}})
            }
            Self::Status(status) => json!({"version": 1, "status": status}),
        }
    }
}
