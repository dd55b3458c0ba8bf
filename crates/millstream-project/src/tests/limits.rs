//! Input that would take too long, too much, or lead out of the project.

use std::fmt::Write as _;
use std::fs;

use super::{loaded, options, text_of, write};

#[test]
fn a_macro_that_never_ends_is_stopped() {
    let files = [
        ("macros/m.sql", "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}"),
        ("models/a.sql", "select {{ again(0) }}"),
        (
            "models/b.sql",
            "select {% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %} 1",
        ),
    ];
    let text = text_of(&loaded(&files));
    assert!(text.contains("recursion limit"), "{text}");
    assert!(text.contains("did not end after"), "{text}");
    assert!(text.contains("models/b.sql:1"), "{text}");
}

#[test]
fn aliases_cannot_blow_up() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{items}]");
    }
    let text = text_of(&loaded(&[("millstream.yml", &text)]));
    assert!(text.contains("yaml.syntax") && text.contains("aliases included"), "{text}");
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("a: {}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(text_of(&loaded(&[("millstream.yml", &text)])).contains("yaml.syntax"));
}

#[cfg(unix)]
#[test]
fn links_and_paths_cannot_leave_the_project() {
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), &[("secret.sql", "select 1"), ("models/x.sql", "select 1")]);
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("millstream.yml", "name: shop\n"), ("models/a.sql", "select 1 as id")]);
    write(folder.path(), &[("dbt_project.yml", "name: shop\nmodel-paths: [models, ../x, /etc]\n")]);
    let link = |from: &str, to: &str| {
        std::os::unix::fs::symlink(outside.path().join(from), folder.path().join(to)).unwrap();
    };
    link("secret.sql", "models/b.sql");
    link("models", "models/deep");
    let loaded = crate::load(folder.path(), &options());
    let refused: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.code == "project.path_escapes")
        .filter_map(|diagnostic| Some(diagnostic.place.as_ref()?.file.display().to_string()))
        .collect();
    assert_eq!(refused, ["/etc", "../x", "models/b.sql", "models/deep"]);
    assert!(loaded.project.is_none());
}

#[cfg(unix)]
#[test]
fn a_folder_that_contains_itself_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("millstream.yml", "name: shop\n"), ("models/a.sql", "select 1 as id")]);
    std::os::unix::fs::symlink(folder.path().join("models"), folder.path().join("models/again"))
        .unwrap();
    let loaded = crate::load(folder.path(), &options());
    assert_eq!(text_of(&loaded), "");
}

#[test]
fn files_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("millstream.yml", "name: shop\n")]);
    fs::create_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("models/a.sql"), b"select\n '\xff'").unwrap();
    let size = usize::try_from(millstream_core::limits::PROJECT_FILE_BYTES_MAX).unwrap() + 1;
    fs::write(folder.path().join("models/b.sql"), vec![b' '; size]).unwrap();
    let text = text_of(&crate::load(folder.path(), &options()));
    assert_eq!(
        text,
        "error[project.file_unreadable]: is not UTF-8 text
  --> models/a.sql:2:3
  hint: save the file with the encoding UTF-8
error[project.file_unreadable]: has 16777217 bytes; a file of a project has at most 16777216
  --> models/b.sql"
    );
}
