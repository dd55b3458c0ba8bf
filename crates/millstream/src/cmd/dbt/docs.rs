//! `dbt docs`: the catalog of what is in the warehouse, and a page that shows the project.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use millstream_core::error::Plain;
use millstream_dbt::artifacts::{Catalog, DOCS_PAGE, static_page, write_json};
use millstream_dbt::context::{Failure as Refusal, Session, Worker};
use millstream_dbt::manifest::{NodeKind, UniqueId};
use millstream_dbt::select::{Blanks, Graph};
use millstream_server::{Routes, Server, ServerConfig, ServerInfo};
use serde_json::Value;

use super::Context;
use super::cli::DocsArgs;
use super::execute::{Executing, Opened, Wanted};
use super::{artifacts, selection};
use crate::cmd::run::stop_signal;
use crate::exit::{Failure, Outcome};
use crate::output::print_line;

/// Kinds of nodes that the catalog can be asked for.
const TYPES: &[&str] = &["model", "seed", "snapshot", "test", "analysis", "source"];
/// The largest file that is served, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Writes the catalog and the page.
pub async fn generate(context: &Context<'_>, args: &DocsArgs) -> Outcome {
    let opened = Opened::open(context).await?;
    let done = write(context, &opened, args).await;
    opened.warehouse.end(done.is_ok()).await?;
    done
}

async fn write(context: &Context<'_>, opened: &Opened, args: &DocsArgs) -> Outcome {
    let manifest = &opened.session.manifest;
    if !args.no_compile {
        let wanted = Wanted::Selected(&args.selection);
        let end = opened.execute(context, &wanted, Executing::COMPILE).await?;
        super::report::failures(context.log, manifest, &end);
        if !end.succeeded() {
            return Err(Failure::Status(super::HANDLED));
        }
    }
    context.log.say("Building catalog");
    let catalog = catalog(context, opened, args).await?;
    let folder = &context.place.target_path;
    let path = folder.join("catalog.json");
    artifacts::file(&path, |out| write_json(out, &catalog))?;
    artifacts::file(&folder.join("index.html"), |mut out| out.write_all(DOCS_PAGE.as_bytes()))?;
    copy_assets(context, &opened.session)?;
    if args.r#static {
        let read = |name: &str| {
            fs::read_to_string(folder.join(name)).map_err(|error| Failure::of_write(&error))
        };
        let page = static_page(&read("manifest.json")?, &read("catalog.json")?);
        let path = folder.join("static_index.html");
        artifacts::file(&path, |mut out| out.write_all(page.as_bytes()))?;
    }
    for error in &catalog.errors {
        context.log.error(&format!("dbt encountered a failure while writing the catalog: {error}"));
    }
    context.log.say(&format!("Catalog written to {}", path.display()));
    if catalog.errors.is_empty() { Ok(()) } else { Err(Failure::Status(super::HANDLED)) }
}

async fn catalog(
    context: &Context<'_>,
    opened: &Opened,
    args: &DocsArgs,
) -> Result<Catalog, Failure> {
    let session = Arc::clone(&opened.session);
    let selected = selected(context, &session, args)?;
    let is_empty = args.empty_catalog;
    let asked = super::aside(move || {
        let (rows, errors) = if is_empty { Default::default() } else { ask(&session) };
        let catalog = Catalog::of_rows(&session.manifest, rows, selected.as_ref())?;
        Ok::<_, Plain>((catalog, errors))
    });
    let (catalog, errors) = asked.await??;
    let metadata = artifacts::metadata(context);
    Ok(Catalog { metadata, errors: errors.iter().map(ToString::to_string).collect(), ..catalog })
}

/// What the catalog is about, if not everything.
fn selected(
    context: &Context<'_>,
    session: &Session,
    args: &DocsArgs,
) -> Result<Option<HashSet<UniqueId>>, Failure> {
    let flags = &args.selection;
    if flags.selected().is_empty() && flags.exclude.is_empty() && flags.selector.is_none() {
        return Ok(None);
    }
    let graph = Graph::new(&session.manifest);
    let selected = selection::selected(context, &graph, flags, TYPES, Blanks::Keep)?;
    let ids = selected.iter().map(|position| UniqueId::new(graph.entry(position).id().as_str()));
    Ok(Some(ids.collect()))
}

type Rows = Vec<serde_json::Map<String, Value>>;

/// The columns of everything in the schemas that the project knows, and what could not be asked.
fn ask(session: &Arc<Session>) -> (Rows, Vec<Refusal>) {
    let mut schemas: BTreeMap<Option<Arc<str>>, BTreeSet<String>> = BTreeMap::new();
    let manifest = &session.manifest;
    let made = manifest.nodes.values().filter(|node| {
        matches!(node.kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot)
    });
    let places = made.map(|node| (&node.database, &node.schema));
    let sources = manifest.sources.values().map(|source| (&source.database, &source.schema));
    for (database, schema) in places.chain(sources) {
        schemas.entry(database.clone()).or_default().insert(schema.to_string());
    }
    let worker = Worker::new(Arc::clone(session), "generate_catalog");
    let (mut rows, mut errors) = (Rows::new(), Vec::new());
    for (database, schemas) in schemas {
        match worker.catalog(database.as_deref(), &schemas.into_iter().collect::<Vec<_>>()) {
            Ok(found) => rows.extend(found),
            Err(failure) => errors.push(failure),
        }
    }
    (rows, errors)
}

/// Copies the folders of `asset-paths` beside the page.
fn copy_assets(context: &Context<'_>, session: &Session) -> Outcome {
    let package = session.manifest.packages.get(&*session.around.project_name);
    for folder in package.into_iter().flat_map(|package| &package.asset_paths) {
        let from = context.place.root.join(folder);
        if from.is_dir() {
            copy_folder(&from, &context.place.target_path.join(folder))
                .map_err(|error| Failure::of_write(&error))?;
        }
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Serves the page until it is stopped.
pub async fn serve(context: &Context<'_>, host: &str, port: u16) -> Outcome {
    let folder = context.place.target_path.clone();
    if !folder.join("manifest.json").is_file() {
        let message = format!("there is no manifest.json in {}", folder.display());
        return Err(Plain::user("dbt.docs_missing", message)
            .with_hint("`millstream dbt docs generate` writes what is served")
            .into());
    }
    let page = folder.join("index.html");
    artifacts::file(&page, |mut out| out.write_all(DOCS_PAGE.as_bytes()))?;
    let host = if host == "localhost" { "127.0.0.1" } else { host };
    let listen: SocketAddr = format!("{host}:{port}")
        .parse()
        .map_err(|_| Failure::Usage(format!("`--host {host}` is no address")))?;
    let info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        project: context.place.root.display().to_string(),
        environment: "docs".to_owned(),
    };
    let server = Server::bind(ServerConfig::new(listen, info)).await?;
    print_line(&format!("serving the docs on http://{}; Ctrl-C ends it", server.address()))?;
    let files = Router::new()
        .route("/", get(file))
        .route("/{*path}", get(file))
        .with_state(Arc::new(folder));
    let shutdown = async {
        if stop_signal().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    Ok(server.serve(Routes::new().with_files(files), || true, shutdown).await?)
}

/// A file of the target folder; what is outside of it is not there.
async fn file(State(folder): State<Arc<PathBuf>>, uri: Uri) -> Response {
    let name = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let inside = |path: PathBuf| {
        let path = path.canonicalize().ok()?;
        let is_small = path.metadata().is_ok_and(|file| file.len() <= FILE_BYTES_MAX);
        let is_inside = folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
        (is_inside && is_small && path.is_file()).then_some(path)
    };
    let Some(path) = inside(folder.join(name)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match tokio::fs::read(&path).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, content_type(&path))], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => "application/octet-stream",
    }
}
