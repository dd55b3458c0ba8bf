//! A lake in an object store: the same loop, the same contents, also after a crash.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use millstream_tests::{TestProject, python, root};

const CONTENTS: &str = "select id, tag, predicted_tag, model_version from predicted_projects \
    order by id";

#[test]
fn the_loop_runs_on_s3_and_survives_a_crash_there() {
    let local = TestProject::labeled();
    local.json(&["run"]);
    let wanted = local.query(CONTENTS);

    let runs = [
        ("calm", None),
        ("before-log", Some("engine.publish.before_log=2")),
        ("after-log", Some("engine.publish.after_log=3")),
    ];
    let store = ObjectStore::start(runs.map(|(bucket, _)| bucket));
    for (bucket, crash_at) in runs {
        let project = store.project(bucket);
        if let Some(point) = crash_at {
            let output = project.command(&["run"]).env("MILLSTREAM_CRASH_AT", point).output();
            let output = output.expect("the binary starts");
            assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        }
        project.json(&["run"]);
        assert_eq!(project.query(CONTENTS), wanted, "{bucket}");
        let again = project.json(&["run"]);
        assert!(again["run"]["run"].is_null(), "there is nothing to do: {again}");
        let lake = project.path().join(".millstream/dev/lake");
        assert!(!lake.exists(), "nothing of the lake lies on this machine");
    }
}

/// An S3 server, ended with this value.
struct ObjectStore {
    child: Child,
    url: String,
}

impl ObjectStore {
    fn start(buckets: [&str; 3]) -> Self {
        let script = root().join("tests/end_to_end/s3_server.py");
        let mut child = Command::new(python())
            .arg(script)
            .args(buckets)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        lines.read_line(&mut line).expect("the server says where it listens");
        Self { child, url: line.trim().to_owned() }
    }

    /// `examples/labeled-projects` with its lake in a bucket.
    fn project(&self, bucket: &str) -> TestProject {
        let project = TestProject::labeled()
            .with("AWS_ENDPOINT_URL", &self.url)
            .with("AWS_REGION", "us-east-1")
            .with("AWS_ACCESS_KEY_ID", "a-key")
            .with("AWS_SECRET_ACCESS_KEY", "a-secret");
        let lake = format!("environments:\n  dev: {{lake: \"s3://{bucket}/lake\"}}\n");
        project.write("millstream.yml", format!("name: labeled_projects\n{lake}"));
        project
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
