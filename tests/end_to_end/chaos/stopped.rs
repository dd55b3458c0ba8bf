//! A process that is stopped for longer than its lease, while another one takes over, and goes on
//! then: it changes nothing any more.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_tests::TestProject;

use super::ground::{Ground, Kind};
use super::shard;

/// How long a test waits for a process.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where a run is stopped, and of which kind of step. Before the intent it has to find that it may
/// not say it any more; after it, that another one has published for it.
fn cells() -> Vec<(Kind, &'static str)> {
    [
        ("incremental", "model.intent.after"),
        ("scoring", "scoring.intent.after"),
        ("function", "function.intent.after"),
        ("training", "training.intent.after"),
        ("sync", "sync.intent.after"),
        ("table", "engine.publish.before_log"),
        ("snapshot", "model.stage.after"),
        ("python", "model.claim.after"),
        ("scoring", "scoring.publish.after"),
        ("seed", "seed.publish.after"),
        ("partition", "model.intent.after"),
        ("command", "command.ended"),
        ("task", "command.ended"),
    ]
    .map(|(kind, point)| (Kind::named(kind), point))
    .into()
}

/// A run that stops at a point by itself.
#[derive(Debug)]
struct Stopped(Child);

impl Stopped {
    fn at(project: &TestProject, kind: Kind, point: &str) -> Self {
        let mut run = project.command(&["run", "--select", kind.select]);
        run.env("MILLSTREAM_STOP_AT", point).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut run = Self(run.spawn().expect("the binary starts"));
        let begun = Instant::now();
        while run.state() != Some('T') {
            assert!(begun.elapsed() < PATIENCE, "{} is not stopped at {point}", kind.name);
            assert!(
                run.state().is_some_and(|state| state != 'Z'),
                "{} did not come to {point}: {}",
                kind.name,
                run.said()
            );
            std::thread::yield_now();
        }
        run
    }

    /// The letter by which Linux says what the process does.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    }

    /// Whether it was stopped in the middle of a transaction: it holds the lock of the one writer
    /// (`SQLite`, "WAL-mode file format", 2.3: byte 120 of the shared memory).
    fn writes_to_the_ledger(&self, project: &TestProject) -> bool {
        const WRITE_LOCK: u64 = 120;
        let shared = project.path().join(".millstream/dev/ledger.db-shm");
        let inode = std::fs::metadata(shared).expect("the ledger is open").ino();
        let locks = std::fs::read_to_string("/proc/locks").expect("the system has locks");
        locks.lines().any(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, _, _, "WRITE", process, file, first, last] = words[..] else { return false };
            let place = first.parse::<u64>().unwrap_or(u64::MAX)..=last.parse().unwrap_or(u64::MAX);
            process == self.0.id().to_string()
                && file.ends_with(&format!(":{inode}"))
                && place.contains(&WRITE_LOCK)
        })
    }

    /// What it wrote until its end.
    fn said(&mut self) -> String {
        let mut said = String::new();
        let mut stderr = self.0.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut said).expect("it is text");
        said
    }

    fn go_on(mut self) {
        let mut go_on = Command::new("kill");
        let status = go_on.args(["-CONT", &self.0.id().to_string()]).status();
        assert!(status.expect("kill starts").success());
        self.0.wait().expect("it ends");
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A project in which runs of a kind are stopped, one at each point.
fn stopped_at<const N: usize>(kind: Kind, points: [&str; N]) -> (TestProject, [Stopped; N]) {
    'ground: loop {
        let project = Ground::shared().project();
        let mut stopped = Vec::with_capacity(N);
        for point in points {
            let run = Stopped::at(&project, kind, point);
            // Nobody else can write before such a one goes on.
            if run.writes_to_the_ledger(&project) {
                continue 'ground;
            }
            stopped.push(run);
        }
        return (project, stopped.try_into().expect("one is stopped at each point"));
    }
}

#[test]
fn a_stopped_run_is_taken_over_and_changes_nothing_afterwards() {
    let ground = Ground::shared();
    let cells = shard::of(cells());
    // Most of the time is that of the leases, which run out for all at once.
    std::thread::scope(|scope| {
        for (kind, point) in cells {
            scope.spawn(move || {
                let (project, [stopped]) = stopped_at(kind, [point]);
                project.json(&["run", "--select", kind.select]);
                let cell = format!("{} stopped at {point}", kind.name);
                ground.expect(&project, kind, &format!("{cell}, the other is done"));
                stopped.go_on();
                ground.expect(&project, kind, &format!("{cell}, and went on"));
                project.json(&["run", "--select", kind.select]);
                ground.expect(&project, kind, &format!("{cell}, and run again"));
            });
        }
    });
}

/// It goes on after another one has taken over, and before that one has published: the worst
/// moment.
#[test]
fn a_stopped_run_that_goes_on_in_the_middle_of_another_changes_nothing() {
    let ground = Ground::shared();
    let kinds = ["incremental", "partition", "scoring", "function", "training", "sync"];
    let kinds = kinds.map(Kind::named);
    std::thread::scope(|scope| {
        for kind in kinds {
            scope.spawn(move || {
                let point = format!("{}.intent.after", kind.point);
                // When the second stops, the attempt of the dead is settled, and the next step has
                // begun.
                let (project, [first, second]) = stopped_at(kind, [&point, "recover.settled"]);
                first.go_on();
                second.go_on();
                project.json(&["run", "--select", kind.select]);
                ground.expect(&project, kind, &format!("{} went on in the middle", kind.name));
            });
        }
    });
}
