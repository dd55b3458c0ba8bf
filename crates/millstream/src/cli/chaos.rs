//! `chaos`.

use std::time::Duration;

use clap::Args;

use super::time;

/// `chaos`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  millstream chaos\n  \
    millstream chaos --kills 200 --time-limit 1h --select tagger+\n  \
    millstream chaos --empty --env prod\n  millstream chaos --seed 7 --only 12\n\n\
    Works on copies: neither the project nor its environment is touched. The status is 1 if what a \
    killed run leaves is not what an undisturbed one does.")]
pub struct ChaosArgs {
    /// How many runs are killed.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub kills: u64,
    /// Decides when each kill comes and what it hits; chosen by chance if left out.
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Only the kill of this number, to see it again.
    #[arg(long, value_name = "N", requires = "seed", value_parser = clap::value_parser!(u64).range(1..))]
    pub only: Option<u64>,
    /// No kill begins after so long.
    #[arg(long, value_name = "TIME", default_value = "50s", value_parser = time)]
    pub time_limit: Duration,
    /// Assets, in dbt's selector syntax: `orders`, `+orders`, `orders+`, `tag:nightly`.
    #[arg(short, long, value_name = "SELECTOR", num_args = 1..)]
    pub select: Vec<String>,
    /// Assets to leave out.
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub exclude: Vec<String>,
    /// Begin with an environment in which nothing was ever made.
    #[arg(long)]
    pub empty: bool,
    /// Run the commands of steps, too, which may reach outside of the copies.
    #[arg(long)]
    pub commands: bool,
    /// Steps at the same time; the number of cores if left out.
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
}

impl ChaosArgs {
    /// What a run is told of this: the assets, and how many of them at the same time.
    pub fn of_runs(&self) -> Vec<String> {
        let select = self.select.iter().map(|selector| format!("--select={selector}"));
        let exclude = self.exclude.iter().map(|selector| format!("--exclude={selector}"));
        let threads = self.threads.map(|threads| format!("--threads={threads}"));
        select.chain(exclude).chain(threads).collect()
    }

    /// What has to be said again for the same kills.
    pub fn of_kills(&self) -> Vec<String> {
        let empty = self.empty.then(|| "--empty".to_owned());
        let commands = self.commands.then(|| "--commands".to_owned());
        self.of_runs().into_iter().chain(empty).chain(commands).collect()
    }
}
