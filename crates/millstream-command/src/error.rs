//! What can go wrong with a command.

use std::io;

use millstream_core::error::{Coded, Fault, Retry};
use millstream_core::explain::Explanation;
use millstream_core::flow::RESULT_BYTES_MAX;

/// What went wrong with a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It said that it failed.
    #[error("`{command}` ended with status {status}")]
    Failed {
        /// The program.
        command: String,
        /// Its exit status.
        status: i32,
    },
    /// It said that it may go well another time.
    #[error("`{command}` ended with status {status}, and asks to be tried again")]
    TryAgain {
        /// The program.
        command: String,
        /// Its exit status.
        status: i32,
    },
    /// It was ended by a signal.
    #[error("`{command}` was ended by signal {signal}")]
    Killed {
        /// The program.
        command: String,
        /// The number of the signal.
        signal: i32,
    },
    /// The program is not there, or may not be run.
    #[error("`{command}` cannot be run: it is {problem}")]
    NotRunnable {
        /// The program.
        command: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file that it declares was not written.
    #[error("`{command}` ended well and did not write `{file}`")]
    NoOutput {
        /// The program.
        command: String,
        /// The file, as declared.
        file: String,
    },
    /// An item has not what the command wants of it.
    #[error("the item has no `{field}`")]
    NoField {
        /// What is wanted.
        field: String,
    },
    /// What it wrote as its result is no JSON.
    #[error("`{command}` wrote a result that is no JSON: {problem}")]
    NoResult {
        /// The program.
        command: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What it wrote as its result is too large.
    #[error("`{command}` wrote a result of more than {} KiB", RESULT_BYTES_MAX / 1024)]
    ResultTooLarge {
        /// The program.
        command: String,
    },
    /// A file that decides what it does cannot be read.
    #[error("`{file}` cannot be read: {problem}")]
    Unreadable {
        /// The file, as declared.
        file: String,
        /// What the system says.
        problem: String,
    },
    /// Processes of an attempt before do not end.
    #[error("processes of an earlier attempt do not end: process group {group}")]
    StillRuns {
        /// The number of the group.
        group: u32,
    },
    /// The system refuses something.
    #[error("the process cannot be started: {0}")]
    System(#[from] io::Error),
}

impl Coded for CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "command.failed",
            Self::TryAgain { .. } => "command.try_again",
            Self::Killed { .. } => "command.killed",
            Self::NotRunnable { .. } => "command.not_runnable",
            Self::NoOutput { .. } => "command.no_output",
            Self::NoField { .. } => "command.no_field",
            Self::NoResult { .. } => "command.no_result",
            Self::ResultTooLarge { .. } => "command.result_too_large",
            Self::Unreadable { .. } => "command.unreadable",
            Self::StillRuns { .. } => "command.still_runs",
            Self::System(_) => "command.system",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::TryAgain { .. }
            | Self::Killed { .. }
            | Self::StillRuns { .. }
            | Self::System(_) => Fault::External,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self.fault() {
            Fault::External => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Failed { .. } => {
                "`millstream runs logs` has what it printed; statuses that may go well another \
                 time stand in `retry_on`"
            }
            Self::TryAgain { .. } => "`millstream runs logs` has what it printed",
            Self::Killed { signal: 9, .. } => {
                "the system ends processes by signal 9 when memory is short, or above `limits`"
            }
            Self::NotRunnable { .. } => {
                "commands run in the folder of the project, with the PATH of Millstream"
            }
            Self::NoOutput { .. } => "write it, or take it out of `outputs`",
            Self::NoField { .. } => "`{{ item }}` is the whole item, as MILLSTREAM_ITEM has it",
            Self::NoResult { .. } => "MILLSTREAM_RESULT names a file for one value of JSON",
            Self::ResultTooLarge { .. } => {
                "write what is large into a file or a table, and its name as the result"
            }
            Self::Unreadable { .. } => "the path is one in the folder of the project",
            Self::StillRuns { .. } => "see what keeps them, as a disk that does not answer",
            Self::Killed { .. } | Self::System(_) => return None,
        };
        Some(text.to_owned())
    }
}

/// The pages of this crate's codes.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "command.failed",
        title: "A command failed",
        text: "The command of a step ended with a status other than 0. What it printed is in the \
               log of the attempt. It is not tried again, unless its status stands in `retry_on`.",
    },
    Explanation {
        code: "command.try_again",
        title: "A command asks to be tried again",
        text: "The command ended with a status that stands in `retry_on` (75 unless said \
               otherwise). It is tried again, with a growing pause, as often as its retries allow.",
    },
    Explanation {
        code: "command.killed",
        title: "A command was killed",
        text: "A signal ended the process of the command. It is tried again, with a growing pause, \
               as often as its retries allow.",
    },
    Explanation {
        code: "command.not_runnable",
        title: "A program cannot be run",
        text: "The program of the step is not found in the PATH of Millstream or in the folder of \
               the project, or it may not be executed.",
    },
    Explanation {
        code: "command.no_output",
        title: "A command did not write what it declares",
        text: "The command ended with status 0, and a file of its `outputs` is not there. The step \
               has failed; nothing that depends on it runs.",
    },
    Explanation {
        code: "command.no_field",
        title: "An item has not what a command wants of it",
        text: "An argument or a variable of the step names a field of the item, as \
               `{{ item.name }}`, that this item does not have. The command did not run.",
    },
    Explanation {
        code: "command.no_result",
        title: "The result of a command is no JSON",
        text: "A command may write one value of JSON into the file that MILLSTREAM_RESULT names, \
               for the steps behind it. This one wrote something else, and the step has failed.",
    },
    Explanation {
        code: "command.result_too_large",
        title: "The result of a command is too large",
        text: "The value that a command writes into the file that MILLSTREAM_RESULT names is kept \
               in the ledger, and may have 64 KiB. What is larger belongs into a file or a table, \
               whose name can be the result.",
    },
    Explanation {
        code: "command.unreadable",
        title: "A file of a command cannot be read",
        text: "A file that is named in `files` decides whether the step is due, so that it must be \
               there and readable.",
    },
    Explanation {
        code: "command.still_runs",
        title: "Processes of an earlier attempt do not end",
        text: "A command never runs twice at once. Processes that an earlier attempt started were \
               killed and are still there, as happens when a disk does not answer. The step is \
               tried again as often as its retries allow.",
    },
    Explanation {
        code: "command.system",
        title: "A process cannot be started",
        text: "The system refuses to start the process of a step, or to keep a file about it in \
               the environment's folder. The message has what it says.",
    },
];

#[cfg(test)]
mod tests {
    use super::EXPLANATIONS;

    #[test]
    fn every_code_has_a_page() {
        let codes = include_str!("error.rs").split('"').filter(|text| text.starts_with("command."));
        for text in codes.filter(|text| *text != "command.") {
            assert!(EXPLANATIONS.iter().any(|page| page.code == text), "{text}");
        }
    }
}
