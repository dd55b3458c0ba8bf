//! `millstream completions SHELL`

use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::{Failure, Outcome};

/// Prints the completions of a shell.
pub fn run(shell: clap_complete::Shell) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "millstream", &mut text);
    std::io::Write::write_all(&mut std::io::stdout().lock(), &text)
        .map_err(|error| Failure::of_write(&error))
}
