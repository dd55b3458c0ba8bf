//! Several processes in one environment.

use millstream_tests::TestProject;

#[test]
fn two_runs_at_once_do_the_work_once() {
    let project = TestProject::labeled();
    let mut runs: Vec<_> = (0..3)
        .map(|_| {
            let mut command = project.command(&["run"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.spawn().expect("the binary starts")
        })
        .collect();
    for run in &mut runs {
        assert!(run.wait().expect("it ends").success());
    }
    let twice = project.number(
        "select count(*) from (select asset from millstream.versions group by asset having count(*) > 1) t",
    );
    assert_eq!(twice, 0, "nothing was published twice");
    assert_eq!(project.number("select count(*) from predicted_projects"), 764);
}

#[test]
fn queries_read_while_a_run_writes() {
    let project = TestProject::small_shop();
    project.json(&["run", "--select", "source:shop"]);
    let mut run = project
        .command(&["run", "--full-refresh"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary starts");
    while run.try_wait().expect("it can be asked").is_none() {
        assert!(project.number("select count(*) from shop.customers") > 0);
    }
    assert!(run.wait().expect("it ended").success());
}
