//! `millstream python show|sync|lock|clean`

use std::path::{Path, PathBuf};

use millstream_core::error::Plain;
use millstream_core::scalar::ScalarFunction;
use millstream_python::{Interpreter, LockedEnvironment};
use serde_json::json;

use crate::cli::{Global, OutputFormat, PythonVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, print_json, print_line, table};
use crate::wire::{Folders, interpreter_of, required_project};

/// Shows and makes what runs the project's models and functions in Python.
pub fn run(global: &Global, verb: &PythonVerb) -> Outcome {
    match verb {
        PythonVerb::Show => show(global),
        PythonVerb::Sync => sync(global),
        PythonVerb::Lock { upgrade } => {
            let locked = LockedEnvironment::lock(&global.directory, *upgrade);
            let locked = locked.map_err(millstream_core::Error::from)?;
            let (lock, folder) = (locked.lock.to_string(), locked.folder());
            let note = format!("locked as {}", locked.lock.short());
            told(global, &json!({"lock": lock, "folder": folder, "made": locked.is_made()}), &note)
        }
        PythonVerb::Clean => clean(global),
    }
}

fn show(global: &Global) -> Outcome {
    let project = required_project(global)?;
    let functions = project.dbt.python_functions();
    let interpreter = interpreter_of(Folders { files: &project.root, home: &project.home });
    let (path, lock, is_made) = match &interpreter {
        Interpreter::Found(path) => (path.clone(), None, true),
        Interpreter::Locked(environment) => {
            let path = environment.folder().join("bin/python");
            (path, Some(environment.lock.to_string()), environment.is_made())
        }
    };
    if global.output == OutputFormat::Json {
        let functions: Vec<_> = functions.iter().map(described).collect();
        let all = json!({"interpreter": path, "lock": lock, "made": is_made,
            "functions": functions});
        return print_json("python", &all);
    }
    print_line(&format!("interpreter  {}", path.display()))?;
    if let Some(lock) = &lock {
        let state = if is_made { "made" } else { "made when it is first needed" };
        print_line(&format!("lock         {} ({state})", &lock[..12]))?;
    }
    if functions.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::Text("function"),
        Column::Text("takes"),
        Column::Text("gives"),
        Column::Text("file"),
    ];
    let row = |function: &ScalarFunction| {
        vec![
            function.name.clone(),
            takes(function),
            function.returns.clone(),
            function.file.clone(),
        ]
    };
    print_line(&format!("\n{}", table(&columns, &functions.iter().map(row).collect::<Vec<_>>())))
}

fn described(function: &ScalarFunction) -> serde_json::Value {
    let arguments = function.arguments.iter();
    let arguments: Vec<_> =
        arguments.map(|one| json!({"name": one.name, "data_type": one.data_type})).collect();
    json!({"name": function.name, "definition": function.definition.to_string(),
        "arguments": arguments, "returns": function.returns, "file": function.file,
        "entry_point": function.entry_point})
}

fn takes(function: &ScalarFunction) -> String {
    let each = function.arguments.iter().map(|one| format!("{} {}", one.name, one.data_type));
    each.collect::<Vec<_>>().join(", ")
}

fn sync(global: &Global) -> Outcome {
    let environment = locked(&global.directory)?;
    let made = environment.made().map_err(millstream_core::Error::from)?;
    let folder = made.folder.display();
    let note = if made.is_new { format!("made {folder}") } else { format!("{folder} is there") };
    let all = json!({"interpreter": made.interpreter, "folder": made.folder,
        "lock": environment.lock.to_string(), "new": made.is_new});
    told(global, &all, &note)
}

fn clean(global: &Global) -> Outcome {
    let removed = locked(&global.directory)?.remove_others();
    let removed: Vec<PathBuf> = removed.map_err(millstream_core::Error::from)?;
    let note = match removed.len() {
        0 => "there are no others".to_owned(),
        count => format!("{count} removed"),
    };
    told(global, &json!({"removed": removed}), &note)
}

/// The environment that a project has locked.
fn locked(folder: &Path) -> Result<LockedEnvironment, Failure> {
    let missing = || {
        let message = format!("{} has no uv.lock", folder.display());
        Plain::user("python.no_lock", message)
            .with_hint("`millstream python lock` writes it from pyproject.toml")
    };
    let found = LockedEnvironment::of(folder, folder);
    Ok(found.ok_or_else(|| millstream_core::Error::from(missing()))?)
}

fn told(global: &Global, all: &serde_json::Value, note: &str) -> Outcome {
    match global.output {
        OutputFormat::Json => print_json("python", all),
        _ => print_line(note),
    }
}
