//! `--inline`: a query of the command line that is read as a part of the project.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_dbt::context::Session;
use millstream_dbt::manifest::{Node, NodeKind, UniqueId};

/// What the query is called.
pub const NAME: &str = "inline_query";

/// The query as a node, whose references need not be known beforehand.
pub fn node(session: &Session, text: &str) -> Arc<Node> {
    let project = &session.around.project_name;
    let path = PathBuf::from("sql").join(NAME);
    let database = Some(&session.around.target.database).filter(|name| !name.is_empty());
    Arc::new(Node {
        unique_id: UniqueId::new(format!("sql_operation.{project}.{NAME}")),
        kind: NodeKind::Operation { index: 0 },
        name: NAME.to_owned(),
        package_name: Arc::clone(project),
        original_file_path: path.clone(),
        path,
        raw_code: Arc::from(text),
        database: database.map(|name| Arc::from(name.as_str())),
        schema: Arc::from(session.around.target.schema.as_str()),
        alias: NAME.to_owned(),
        ..Node::default()
    })
}
