//! What the binary says of a dbt project is what real dbt says: `cargo xtask conformance manifest`
//! keeps it in `conformance/manifest`.

use std::fs;

use millstream_tests::manifest::Normalized;
use millstream_tests::{TestProject, root};

#[test]
fn everyday_projects_have_the_manifest_of_dbt() {
    check("orchard");
}

#[test]
fn governed_projects_have_the_manifest_of_dbt() {
    check("guild");
}

fn check(name: &str) {
    let folder = root().join("conformance/manifest");
    let project = TestProject::copy_of(&folder.join("projects").join(name));
    if project.path().join("packages.yml").exists() {
        project.output(&["dbt", "deps"]).succeeded();
    }
    project.output(&["dbt", "parse"]).succeeded();
    let golden = fs::read_to_string(folder.join(format!("{name}.tsv"))).expect("there is a golden");
    let found = Normalized::read(&project.path().join("target")).expect("there are manifests");
    let differences = Normalized::parse(&golden).differences(&found);
    assert!(differences.is_empty(), "{name}:\n{}", differences.join("\n"));
}
