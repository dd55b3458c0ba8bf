//! `cargo xtask TASK`: all automation of the project.

mod bench;
mod check;
mod conformance;
mod dist;
mod environment;
mod python;
mod screens;
mod shell;
mod test;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask TASK

  test          what the README and CI call: checks, then every test
  check         format, lints, invariants of the house, licences
  bench NAME    ours and a named peer in turn on one workload (see bench/README.md)
  conformance NAME [--from DIR] [--accept] [--real] [PART...]
                an outside suite on the real binary (see conformance/README.md)
  dist [BINARY] the archive, the wheel and their checksums; builds the program unless given
  chaos [N]     the whole kill matrix, N random kills, N power cuts, N full disks (200)
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(),
        ["check"] => check::run(),
        ["bench", name] => bench::run(name),
        ["conformance", name, options @ ..] => conformance::run(name, options),
        ["dist"] => dist::run_with(None),
        ["dist", binary] => dist::run_with(Some(binary)),
        ["chaos"] => test::chaos("200"),
        ["chaos", kills] => test::chaos(kills),
        _ => bail!("{USAGE}"),
    }
}
