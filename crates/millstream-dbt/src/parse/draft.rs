//! Nodes of files, as far as their files alone say what they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::diagnostic::Place;
use millstream_files::{Mark, Report, whole};
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::captures::Captures;
use super::config::ConfigKind;
use super::files::{Content, File, Template};
use super::options::Strictness;
use super::patch::Patch;
use super::plain::{self, Reader};
use super::project::Project;
use super::search::FileKind;
use super::strict;
use crate::context::{CaptureSubject, Captured, Failure, ParseSession, capture};
use crate::line_ends::as_written;
use crate::manifest::{Checksum, Language, UniqueId};

/// What a draft becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DraftKind {
    Model,
    Seed,
    Snapshot,
    SingularTest,
    Analysis,
    Function,
    Operation { index: usize },
}

impl DraftKind {
    /// dbt's word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed => "seed",
            Self::Snapshot => "snapshot",
            Self::SingularTest => "test",
            Self::Analysis => "analysis",
            Self::Function => "function",
            Self::Operation { .. } => "operation",
        }
    }

    pub(super) fn config(self) -> ConfigKind {
        match self {
            Self::Model => ConfigKind::Model,
            Self::Seed => ConfigKind::Seed,
            Self::Snapshot => ConfigKind::Snapshot,
            Self::SingularTest => ConfigKind::Test,
            Self::Analysis => ConfigKind::Analysis,
            Self::Function => ConfigKind::Function,
            Self::Operation { .. } => ConfigKind::Operation,
        }
    }
}

/// A node, as far as its file says what it is.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) project: usize,
    pub(super) kind: DraftKind,
    pub(super) name: String,
    pub(super) unique_id: UniqueId,
    pub(super) path: PathBuf,
    pub(super) original: PathBuf,
    /// Its file in messages.
    pub(super) shown: PathBuf,
    pub(super) fqn: Vec<Arc<str>>,
    pub(super) raw: Arc<str>,
    pub(super) language: Language,
    pub(super) checksum: Checksum,
    pub(super) captured: Captured,
    pub(super) tags: Vec<String>,
    pub(super) patch: Option<Patch>,
}

/// Makes drafts of the files of all projects.
#[derive(Debug)]
pub(super) struct Drafter<'a> {
    pub(super) projects: &'a [Project],
    pub(super) session: &'a ParseSession,
    pub(super) captures: &'a Captures,
    strictness: Strictness,
    /// By project: whether `ref` and the like mean something else there.
    pub(super) overridden: Vec<bool>,
}

impl<'a> Drafter<'a> {
    pub(super) fn new(
        projects: &'a [Project],
        session: &'a ParseSession,
        captures: &'a Captures,
        strictness: Strictness,
    ) -> Self {
        let overridden =
            projects.iter().map(|project| plain::is_overridden(session, &project.name)).collect();
        Self { projects, session, captures, strictness, overridden }
    }

    /// The drafts of a file. Problems are reported.
    pub(super) fn of_file(&self, file: &File, report: &mut Report) -> Vec<Draft> {
        let made = match (file.found.kind, &file.content) {
            (FileKind::Snapshots, Content::Template(template)) => {
                return self.snapshots(file, template, report);
            }
            (FileKind::Seed, Content::Rows(checksum)) => {
                let draft = self.blank(DraftKind::Seed, file, stem(&file.found.path));
                Some(Draft { checksum: checksum.clone(), ..draft })
            }
            (FileKind::Model, Content::Text { text, checksum }) => {
                let draft = self.blank(DraftKind::Model, file, stem(&file.found.path));
                let (raw, checksum) = (Arc::clone(text), checksum.clone());
                let draft = Draft { raw, checksum, language: Language::Python, ..draft };
                super::python::captured(draft, report)
            }
            (FileKind::Function, Content::Text { text, checksum }) => {
                let draft = self.blank(DraftKind::Function, file, stem(&file.found.path));
                let (raw, checksum) = (Arc::clone(text), checksum.clone());
                let is_python = file.found.path.extension().is_some_and(|end| end == "py");
                let language = if is_python { Language::Python } else { Language::JavaScript };
                Some(Draft { raw, language, checksum, ..draft })
            }
            (kind, Content::Template(template)) => {
                let kind = match kind {
                    FileKind::Model => DraftKind::Model,
                    FileKind::Analysis => DraftKind::Analysis,
                    FileKind::SingularTest => DraftKind::SingularTest,
                    FileKind::Function => DraftKind::Function,
                    _ => return Vec::new(),
                };
                self.of_template(kind, file, template, report)
            }
            _ => None,
        };
        made.into_iter().collect()
    }

    fn of_template(
        &self,
        kind: DraftKind,
        file: &File,
        template: &Template,
        report: &mut Report,
    ) -> Option<Draft> {
        let draft = self.blank(kind, file, stem(&file.found.path));
        let (raw, checksum) = (Arc::clone(&template.raw), template.checksum.clone());
        let draft = Draft { raw, checksum, ..draft };
        let before = template.lines_before;
        let captured = self.captures.of_file(file, || match file.program(&template.raw) {
            Ok(program) => self.capture(&draft, &program, before, report),
            Err(error) => {
                super::macros::report_template(&error, before, report);
                None
            }
        });
        let draft = Draft { captured: captured?, ..draft };
        if self.strictness == Strictness::Strict && draft.project == 0 {
            strict::draft(&draft, report);
        }
        Some(draft)
    }

    fn snapshots(&self, file: &File, template: &Template, report: &mut Report) -> Vec<Draft> {
        let program = match file.program(&template.raw) {
            Ok(program) => program,
            Err(error) => {
                super::macros::report_template(&error, template.lines_before, report);
                return Vec::new();
            }
        };
        let mut drafts = Vec::new();
        for block in program.definitions().iter().filter(|block| block.word() == "snapshot") {
            let body = block.body_range();
            let before =
                template.lines_before + program.source()[..body.start].matches('\n').count();
            let raw = &template.raw[as_written(&template.raw, body)];
            let draft = self.blank(DraftKind::Snapshot, file, block.name().to_owned());
            let draft = Draft { raw: Arc::from(raw), checksum: template.checksum.clone(), ..draft };
            match file.program(raw) {
                Ok(inner) => {
                    let captured = self.capture(&draft, &inner, before, report);
                    drafts.extend(captured.map(|captured| Draft { captured, ..draft }));
                }
                Err(error) => super::macros::report_template(&error, before, report),
            }
        }
        drafts
    }

    /// A draft that has said nothing yet.
    fn blank(&self, kind: DraftKind, file: &File, name: String) -> Draft {
        let project = &self.projects[file.found.project];
        let path = match kind {
            DraftKind::Analysis => Path::new("analysis").join(&file.found.path),
            _ => file.found.path.clone(),
        };
        let mut fqn = prefix(&project.name, &path);
        if kind == DraftKind::Snapshot {
            fqn.push(Arc::from(stem(&path)));
        }
        fqn.push(Arc::from(name.as_str()));
        Draft {
            project: file.found.project,
            kind,
            unique_id: UniqueId::new(format!("{}.{}.{name}", kind.word(), project.name)),
            name,
            path,
            original: file.found.original.clone(),
            shown: file.shown.clone(),
            fqn,
            raw: Arc::from(""),
            language: Language::Sql,
            checksum: Checksum { name: "none".to_owned(), checksum: String::new() },
            captured: Captured::default(),
            tags: Vec::new(),
            patch: None,
        }
    }

    /// A snapshot that a file of properties declares with its relation.
    pub(super) fn declared_snapshot(
        &self,
        home: &super::entries::Home,
        name: &str,
        relation: &str,
    ) -> Option<Draft> {
        let project = &self.projects[home.project];
        let mut fqn = prefix(&project.name, &home.path);
        fqn.push(Arc::from(name));
        let raw = format!("select * from {{{{ {relation} }}}}");
        let program = Program::parse("", &raw, &Syntax::dbt()).ok()?;
        let reader = Reader::Renderer;
        let captured = plain::captured(self.session, &project.name, &program, reader)?;
        Some(Draft {
            project: home.project,
            kind: DraftKind::Snapshot,
            unique_id: UniqueId::new(format!("snapshot.{}.{name}", project.name)),
            name: name.to_owned(),
            path: PathBuf::from(format!("{name}.sql")),
            original: home.original.clone(),
            shown: project.shown.join(&home.original),
            fqn,
            raw: Arc::from(raw),
            language: Language::Sql,
            checksum: home.checksum.clone(),
            captured,
            tags: Vec::new(),
            patch: None,
        })
    }

    /// The hooks of a project. Problems are reported.
    pub(super) fn hooks(&self, index: usize, report: &mut Report) -> Vec<Draft> {
        let project = &self.projects[index];
        let lists = [
            ("on-run-start", &project.package.on_run_start),
            ("on-run-end", &project.package.on_run_end),
        ];
        let mut drafts = Vec::new();
        if lists.iter().all(|(_, hooks)| hooks.is_empty()) {
            return drafts;
        }
        let file = project.root.join("dbt_project.yml");
        let checksum = std::fs::read_to_string(file).map(|text| super::files::checksum(&text));
        let checksum = checksum.unwrap_or_default();
        for (word, hooks) in lists {
            for (place, sql) in hooks.iter().enumerate() {
                let name = format!("{}-{word}-{place}", project.name);
                let path = Path::new("hooks").join(format!("{name}.sql"));
                let mut fqn = prefix(&project.name, &path);
                fqn.push(Arc::from(name.as_str()));
                let draft = Draft {
                    project: index,
                    kind: DraftKind::Operation { index: place },
                    unique_id: UniqueId::new(format!("operation.{}.{name}", project.name)),
                    name,
                    path,
                    original: PathBuf::from("./dbt_project.yml"),
                    shown: project.shown.join("dbt_project.yml"),
                    fqn,
                    raw: Arc::from(sql.as_str()),
                    language: Language::Sql,
                    checksum: checksum.clone(),
                    captured: Captured::default(),
                    tags: vec![word.to_owned()],
                    patch: None,
                };
                let file = draft.shown.to_string_lossy().into_owned();
                match Program::parse(&file, sql, &Syntax::dbt()) {
                    Ok(program) => {
                        let captured = self.capture(&draft, &program, 0, report);
                        drafts.extend(captured.map(|captured| Draft { captured, ..draft }));
                    }
                    Err(error) => {
                        let message = error.message().to_owned();
                        report.error("dbt.template_syntax", whole(&draft.shown), message, None);
                    }
                }
            }
        }
        drafts
    }

    fn capture(
        &self,
        draft: &Draft,
        program: &Arc<Program>,
        lines_before: usize,
        report: &mut Report,
    ) -> Option<Captured> {
        let project = &self.projects[draft.project];
        let reader = match draft.kind {
            DraftKind::Model => Reader::Extractor,
            _ => Reader::Renderer,
        };
        if !self.overridden[draft.project]
            && let Some(captured) = plain::captured(self.session, &project.name, program, reader)
        {
            return Some(captured);
        }
        match self.render(draft, program) {
            Ok(captured) => {
                Some(Captured { config_written: plain::config_written(program), ..captured })
            }
            Err(failure) => {
                report_failure(&failure, &draft.shown, lines_before, report);
                None
            }
        }
    }

    /// Renders a text as that of a draft.
    pub(super) fn render(
        &self,
        draft: &Draft,
        program: &Arc<Program>,
    ) -> Result<Captured, Failure> {
        let target = &self.session.0.target;
        let model =
            model_map(draft, &target.database, &target.schema, &self.projects[draft.project]);
        let package_name = &self.projects[draft.project].name;
        let subject = CaptureSubject { package_name, model: &model, test_kwargs: None };
        let mut captured = capture(self.session, &subject, program)?;
        captured.text = String::new();
        self.captures.note(&captured);
        Ok(captured)
    }
}

/// What templates see of a node that is not finished.
fn model_map(draft: &Draft, database: &str, schema: &str, project: &Project) -> Map<String, Value> {
    let model = json!({
        "resource_type": draft.kind.word(),
        "name": draft.name,
        "unique_id": draft.unique_id,
        "fqn": draft.fqn.iter().map(|part| &**part).collect::<Vec<_>>(),
        "package_name": &*project.name,
        "path": draft.path.to_string_lossy(),
        "original_file_path": draft.original.to_string_lossy(),
        "database": database,
        "schema": schema,
        "alias": draft.name,
        "raw_code": &*draft.raw,
        "tags": draft.tags,
        "config": {},
    });
    match model {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The file's name without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The project and the folders of a file.
pub(super) fn prefix(project: &Arc<str>, path: &Path) -> Vec<Arc<str>> {
    let folders = path.parent().into_iter().flat_map(Path::iter);
    let folders = folders.map(|part| Arc::from(part.to_string_lossy().as_ref()));
    std::iter::once(Arc::clone(project)).chain(folders).collect()
}

/// Reports why a text cannot be rendered.
pub(super) fn report_failure(
    failure: &Failure,
    file: &Path,
    lines_before: usize,
    report: &mut Report,
) {
    let outermost = failure.at.stack.last().and_then(|trace| trace.place.as_ref());
    let place: Place = match outermost.or(failure.at.place.as_ref()) {
        Some(place) => {
            let is_own = Path::new(&*place.file) == file;
            let line = (place.line + if is_own { lines_before } else { 0 }) as u32;
            Mark { line, column: place.column as u32 }.within(Path::new(&*place.file))
        }
        None => whole(file),
    };
    report.error("dbt.compilation", place, failure.to_string(), failure.advice());
}
