//! Keys of dbt's files that dbt does not know: they were probably meant to be others.

use std::path::{Path, PathBuf};

use millstream_core::diagnostic::Severity;
use millstream_files::yaml::{self, Document};
use millstream_files::{Folder, Report};
use schemars::schema_for;
use serde_json::Value;

use crate::spec::DbtProject;
use crate::spec::properties::PropertiesFile;

/// Warns of keys that are not known, and gives the files of properties. What else is wrong with
/// them is said where they are read.
pub(super) fn check(
    folder: &mut Folder,
    project: Option<&Document>,
    folders: &[PathBuf],
    report: &mut Report,
) -> Vec<Document> {
    if let Some(project) = project {
        warn(project, &schema_for!(DbtProject).to_value(), report);
    }
    let mut unsaid = Report::default();
    let mut files = Vec::new();
    for path in folders {
        for source in folder.read_all(Path::new(path), &["yml", "yaml"], &mut unsaid) {
            files.extend(yaml::parse_dbt(&source, &mut unsaid));
        }
    }
    let schema = schema_for!(PropertiesFile).to_value();
    for file in files.iter().filter(|file| !file.root.is_null()) {
        warn(file, &schema, report);
    }
    files
}

fn warn(document: &Document, schema: &Value, report: &mut Report) {
    let mut found = Report::default();
    yaml::conform_dbt(document, &document.root, schema, &mut found);
    for problem in found.finish() {
        if problem.severity == Severity::Warning {
            report.warning(problem.code, problem.place, problem.message, problem.hint);
        }
    }
}
