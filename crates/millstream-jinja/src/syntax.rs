//! How the text of a template is read.

/// The settings of the reader. The default is Jinja's own.
#[derive(Debug, Clone, Default)]
pub struct Syntax {
    /// What becomes of the first line end after a block.
    pub after_blocks: AfterBlock,
    /// What becomes of blanks between the start of a line and a block.
    pub before_blocks: BeforeBlock,
    /// What becomes of the line end at the end of the file.
    pub at_end: AtEnd,
    /// What stands before the names of macros in messages about their arguments.
    pub macro_prefix: &'static str,
    /// Blocks that define something for the host, besides `macro`.
    pub blocks: Vec<BlockSyntax>,
}

/// What becomes of the first line end after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterBlock {
    /// It stays.
    #[default]
    Keep,
    /// It goes (`trim_blocks`).
    Trim,
}

/// What becomes of blanks between the start of a line and a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BeforeBlock {
    /// They stay.
    #[default]
    Keep,
    /// They go (`lstrip_blocks`).
    Strip,
}

/// What becomes of the line end at the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtEnd {
    /// It goes.
    #[default]
    Trim,
    /// It stays (`keep_trailing_newline`).
    Keep,
}

/// A block `{% word name ... %} ... {% endword %}` that defines something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockSyntax {
    /// The word it begins with; it ends with `end` and this word.
    pub word: &'static str,
    /// What stands behind the name.
    pub header: Header,
    /// What stands inside.
    pub body: BodySyntax,
}

/// What stands behind the name of a defining block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// Nothing.
    Nothing,
    /// Parameters in parentheses, as a macro's.
    Parameters,
    /// `, key=literal` and `, word`, any number of times.
    Options,
}

/// What stands inside a defining block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodySyntax {
    /// A template.
    Template,
    /// Text that is not read.
    Text,
}

impl Syntax {
    /// The syntax of dbt's files: materializations, tests, snapshots and docs are definitions.
    pub fn dbt() -> Self {
        let block = |word, header, body| BlockSyntax { word, header, body };
        Self {
            macro_prefix: "dbt_macro__",
            blocks: vec![
                block("materialization", Header::Options, BodySyntax::Template),
                block("test", Header::Parameters, BodySyntax::Template),
                block("data_test", Header::Parameters, BodySyntax::Template),
                block("snapshot", Header::Nothing, BodySyntax::Template),
                block("docs", Header::Nothing, BodySyntax::Text),
            ],
            ..Self::default()
        }
    }
}
