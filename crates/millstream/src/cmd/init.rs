//! `millstream init [DIR] [--example NAME] [--ci SYSTEM]`

mod ci;

use std::path::{Path, PathBuf};

use millstream_core::error::Plain;
use millstream_core::name::{is_name, snake_case};

use self::ci::Workflow;
use super::dbt::process_variables;
use crate::cli::{Global, InitArgs, OutputFormat};
use crate::exit::{Failure, Outcome};
use crate::output::{counted, print_json, print_line};

/// The examples, as they lie in the repository. Built by `build.rs`, so that a new file of an
/// example needs no line here.
mod examples {
    include!(concat!(env!("OUT_DIR"), "/examples.rs"));
}

/// Makes a project that runs.
pub fn run(global: &Global, args: &InitArgs) -> Outcome {
    let folder = args.dir.clone().unwrap_or_else(|| global.directory.clone());
    // A project that is there already may get a workflow later.
    let is_made = args.ci.is_some() && folder.join("millstream.yml").is_file();
    if !is_made || args.example.is_some() {
        make(global, &folder, args.example.as_deref())?;
    }
    match args.ci {
        Some(system) => make_workflow(global, &Workflow::of(system, &folder)),
        None => Ok(()),
    }
}

fn make_workflow(global: &Global, workflow: &Workflow) -> Outcome {
    let path = &workflow.path;
    if path.exists() {
        return Err(Plain::user("init.exists", format!("there is {} already", path.display()))
            .with_hint("remove it to have it made anew; it was not changed")
            .into());
    }
    write(path, workflow.text.as_bytes())?;
    if global.output == OutputFormat::Json {
        return print_json("workflow", &serde_json::json!({"file": path}));
    }
    print_line(&format!("made {}; its first lines say what it needs", path.display()))
}

/// Makes a project in a folder; a dbt project that is there becomes one, and its files stay as they
/// are.
pub fn make(global: &Global, folder: &Path, example: Option<&str>) -> Outcome {
    let files = files(example, folder)?;
    let in_the_way: Vec<String> = files
        .iter()
        .filter(|(path, _)| folder.join(path).exists() && !is_shared(path))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if !in_the_way.is_empty() {
        let message = format!("{} has {} already", folder.display(), in_the_way.join(", "));
        let hint = if folder.join("millstream.yml").is_file() {
            "it is a project of Millstream already; nothing was written"
        } else {
            "choose another folder; nothing was written"
        };
        return Err(Plain::user("init.exists", message).with_hint(hint).into());
    }
    for (path, text) in &files {
        write(&folder.join(path), text)?;
    }
    ignore_state(folder)?;
    let name = folder.display();
    if global.output == OutputFormat::Json {
        let paths: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
        return print_json("init", &serde_json::json!({"folder": folder, "files": paths}));
    }
    let made = match files.as_slice() {
        [(path, _)] => path.display().to_string(),
        files => counted(files.len() as u64, "file"),
    };
    let here = std::env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let next = if folder.canonicalize().ok() == here {
        "millstream run".to_owned()
    } else {
        format!("millstream run -C {name}")
    };
    print_line(&format!("made {made} in {name}\nnext: {next}"))
}

/// Files that a repository may have already and that are left as they are.
fn is_shared(path: &Path) -> bool {
    path == Path::new(".gitignore") || path == Path::new("README.md")
}

fn files(example: Option<&str>, folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let Some(name) = example else {
        if folder.join("dbt_project.yml").is_file() {
            return Ok(vec![(PathBuf::from("millstream.yml"), beside_dbt(folder).into_bytes())]);
        }
        return Ok(millstream_project::init_files(&project_name(folder)));
    };
    let found: Vec<(PathBuf, Vec<u8>)> = examples::FILES
        .iter()
        .filter(|(example, _, _)| *example == name)
        .map(|(_, path, text)| (PathBuf::from(path), text.to_vec()))
        .collect();
    if found.is_empty() {
        let mut known: Vec<&str> = examples::FILES.iter().map(|(example, _, _)| *example).collect();
        known.dedup();
        let known = known.join(", ");
        return Err(Failure::Usage(format!("there is no example `{name}`; known: {known}")));
    }
    Ok(found)
}

/// `millstream.yml` of a dbt project: its targets become environments.
fn beside_dbt(folder: &Path) -> String {
    let found = millstream_dbt::parse::project_targets(folder, &process_variables());
    let name = found.name.filter(|name| is_name(name)).unwrap_or_else(|| project_name(folder));
    let targets: Vec<String> = found.targets.into_iter().filter(|name| is_name(name)).collect();
    let mut text = format!("name: {name}\n");
    if !targets.is_empty() {
        text.push_str("# The targets of the profile; `--target NAME` means `--env NAME`.\n");
        text.push_str("environments:\n");
        for name in &targets {
            text.extend(["  ", name, ": {}\n"]);
        }
    }
    text
}

/// The project is named after its folder.
fn project_name(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let name = folder.file_name().map(|name| snake_case(&name.to_string_lossy()));
    name.filter(|name| is_name(name)).unwrap_or_else(|| "project".to_owned())
}

fn write(path: &Path, text: &[u8]) -> Outcome {
    if path.exists() {
        return Ok(());
    }
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(path, text)).map_err(|error| unwritable(path, &error))
}

/// Local state must not get into git.
fn ignore_state(folder: &Path) -> Outcome {
    let path = folder.join(".gitignore");
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    if text.lines().any(|line| line.trim() == ".millstream/") {
        return Ok(());
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(".millstream/\n");
    std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Plain::external("init.unwritable", format!("{} cannot be written: {error}", path.display()))
        .never_retried()
        .into()
}
