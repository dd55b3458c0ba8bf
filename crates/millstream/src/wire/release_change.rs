//! What is different in another release.

use std::path::{Path, PathBuf};

use millstream_backup::{FileChange, Tree};
use millstream_core::ContentHash;
use millstream_core::error::Plain;
use millstream_project::{Project, ProjectChange, Selection, compare};
use millstream_run::{Plan, RunRequest};
use serde::Serialize;

use super::opened::Opened;
use super::project::{Found, environment_of, released_project};
use super::releases::ReleaseFiles;
use crate::cli::Global;
use crate::exit::Failure;
use crate::output::print_note;

/// What is different in a later release.
#[derive(Debug, Serialize)]
pub struct ReleaseChange {
    /// Files, by path.
    pub files: Vec<FileChange>,
    /// What that means.
    #[serde(flatten)]
    pub project: ProjectChange,
}

/// The releases of an environment, to be compared.
#[derive(Debug, Clone)]
pub struct Releases {
    global: Global,
    home: PathBuf,
    files: ReleaseFiles,
}

impl Releases {
    /// Those of the environment that a command line means, of the project that is at home in a
    /// folder.
    pub fn of(global: &Global, home: &Path) -> Self {
        let files = ReleaseFiles::of(home, environment_of(global));
        Self { global: global.clone(), home: home.to_owned(), files }
    }

    /// Where their files lie.
    pub fn files(&self) -> &ReleaseFiles {
        &self.files
    }

    /// Reads the project of a release's files. What is wrong with it is a failure.
    pub fn project(&self, tree: &ContentHash) -> Result<Project, Failure> {
        let folder = self.files.folder(tree)?;
        released_project(&self.global, &folder, self.home.clone())
    }

    /// What is different in a later tree, whose project was read. An earlier one that this version
    /// cannot read any more is compared by its files only.
    pub fn change(
        &self,
        before: Option<&ContentHash>,
        after: &ContentHash,
        project: &Project,
    ) -> Result<ReleaseChange, Failure> {
        let earlier = before.map(|hash| self.files.tree(hash)).transpose()?;
        let files = earlier.unwrap_or_else(Tree::empty).changes_to(&self.files.tree(after)?);
        let before = match before.map(|hash| self.project(hash)).transpose() {
            Ok(before) => before,
            Err(Failure::Diagnostics(problems)) => {
                let first = problems.first().map(ToString::to_string).unwrap_or_default();
                print_note(&format!("the earlier release cannot be read any more: {first}"));
                None
            }
            Err(failure) => return Err(failure),
        };
        Ok(ReleaseChange { files, project: compare(before.as_ref(), project) })
    }
}

/// What the environment of a project would make by it now. Asks the sources.
pub async fn plan_by(project: Project) -> Result<Plan, Failure> {
    let opened = Opened::of(Found { project, release: None }, "deploy").await?;
    let all = opened.project.select(&Selection { select: &[], exclude: &[], state: None })?;
    let request = RunRequest::new("deploy", all);
    Ok(opened.executor(None).await?.plan(&request).await?)
}

/// A failure as an error, for whoever knows no others.
pub fn as_error(failure: Failure) -> millstream_core::Error {
    let problem = match failure {
        Failure::Error(error) => return error,
        Failure::Diagnostics(problems) => {
            problems.first().map(ToString::to_string).unwrap_or_default()
        }
        Failure::Usage(message) => message,
        Failure::Status(status) => format!("it ended with status {status}"),
    };
    Plain::user("release.unreadable", format!("the release cannot be read: {problem}")).into()
}
