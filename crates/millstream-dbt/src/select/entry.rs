//! One face for all that can be selected.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use crate::manifest::{
    Config, Exposure, Node, NodeKind, Semantic, SourceTable, UniqueId, UnitTest,
};

/// Something that can be selected.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'m> {
    /// A model, seed, snapshot, test, analysis or hook.
    Node(&'m Arc<Node>),
    /// A table that is read.
    Source(&'m Arc<SourceTable>),
    /// A use outside of dbt.
    Exposure(&'m Exposure),
    /// A metric, semantic model or saved query.
    Semantic(&'m Semantic),
    /// A test on rows that it names.
    UnitTest(&'m UnitTest),
}

impl<'m> Entry<'m> {
    /// Its id.
    pub fn id(self) -> &'m UniqueId {
        match self {
            Self::Node(node) => &node.unique_id,
            Self::Source(source) => &source.unique_id,
            Self::Exposure(exposure) => &exposure.unique_id,
            Self::Semantic(semantic) => &semantic.unique_id,
            Self::UnitTest(test) => &test.unique_id,
        }
    }

    /// dbt's word for what it is.
    pub fn resource_type(self) -> &'m str {
        match self {
            Self::Node(node) => node.kind.word(),
            _ => self.id().resource_type(),
        }
    }

    /// Its name; of a source that of the table.
    pub fn name(self) -> &'m str {
        match self {
            Self::Node(node) => &node.name,
            Self::Source(source) => &source.name,
            Self::Exposure(exposure) => &exposure.name,
            Self::Semantic(semantic) => &semantic.name,
            Self::UnitTest(test) => &test.name,
        }
    }

    /// The package that has it.
    pub fn package(self) -> &'m str {
        match self {
            Self::Node(node) => &node.package_name,
            Self::Source(source) => &source.package_name,
            Self::Exposure(exposure) => &exposure.package_name,
            Self::Semantic(semantic) => &semantic.package_name,
            Self::UnitTest(test) => &test.package_name,
        }
    }

    /// Package, folders and name.
    pub fn fqn(self) -> &'m [Arc<str>] {
        match self {
            Self::Node(node) => &node.fqn,
            Self::Source(source) => &source.fqn,
            Self::Exposure(exposure) => &exposure.fqn,
            Self::Semantic(semantic) => &semantic.fqn,
            Self::UnitTest(test) => &test.fqn,
        }
    }

    /// Its file below the root of its package.
    pub fn file(self) -> &'m Path {
        match self {
            Self::Node(node) => &node.original_file_path,
            Self::Source(source) => &source.original_file_path,
            Self::Exposure(exposure) => &exposure.original_file_path,
            Self::Semantic(semantic) => &semantic.original_file_path,
            Self::UnitTest(test) => &test.original_file_path,
        }
    }

    /// The file of properties that speaks of it, below the root of its package.
    pub fn properties_file(self) -> Option<&'m Path> {
        let path = match self {
            Self::Node(node) => node.patch_path.as_deref(),
            Self::Source(source) => source.patch_path.as_deref(),
            _ => None,
        }?;
        path.split_once("://").map(|(_, file)| Path::new(file))
    }

    /// Its configuration.
    pub fn config(self) -> &'m Config {
        match self {
            Self::Node(node) => &node.config,
            Self::Source(source) => &source.config,
            Self::Exposure(exposure) => &exposure.config,
            Self::Semantic(semantic) => &semantic.config,
            Self::UnitTest(test) => &test.config,
        }
    }

    /// Its tags.
    pub fn tags(self) -> Vec<Cow<'m, str>> {
        match self {
            Self::Node(node) => node.tags.iter().map(|tag| Cow::Borrowed(tag.as_str())).collect(),
            other => other.config().tags(),
        }
    }

    /// What must be made before it.
    pub fn parents(self) -> &'m [UniqueId] {
        match self {
            Self::Node(node) => &node.depends_on.nodes,
            Self::Source(_) => &[],
            Self::Exposure(exposure) => &exposure.depends_on.nodes,
            Self::Semantic(semantic) => &semantic.depends_on.nodes,
            Self::UnitTest(test) => &test.depends_on.nodes,
        }
    }

    /// Whether it comes along when what it tests is selected.
    pub fn is_test(self) -> bool {
        match self {
            Self::Node(node) => matches!(node.kind, NodeKind::Test(_)),
            Self::UnitTest(_) => true,
            _ => false,
        }
    }

    /// Whether its text is blank, so that there is nothing to run.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Node(node) => {
                !matches!(node.kind, NodeKind::Seed { .. }) && node.raw_code.trim().is_empty()
            }
            _ => false,
        }
    }
}
