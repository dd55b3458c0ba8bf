//! The SQL that is read: DataFusion's default dialect, and the versions of tables.
//!
//! `t version as of 3` and `t timestamp as of '...'` become the name of a relation of their own,
//! `t@3`, before the statement is planned.

use std::any::TypeId;
use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    self, AlterTable, AlterTableOperation, Expr, Ident, ObjectName, ObjectNamePart,
    RenameTableNameKind, TableAlias, TableFactor, TableVersion, Value, VisitMut as _, VisitorMut,
    helpers::attached_token::AttachedToken,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;
use millstream_core::error::Result;

use crate::columns_of;
use crate::error::{EngineError, from_datafusion};
use crate::postgres;

/// Splits a name from the version that is asked for. Cannot stand in the name of a relation.
const AT: char = '@';
/// How deep expressions may nest.
pub(crate) const NESTING_MAX: usize = 256;

/// Which version of a table a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AsOf {
    Version(u64),
    /// As it was written; a moment in UTC unless it says otherwise.
    Moment(String),
}

/// The one statement of a text, versions already part of the names.
pub(crate) fn parse(sql: &str) -> Result<Statement> {
    let parser = DFParserBuilder::new(sql)
        .with_dialect(&LakeDialect)
        .with_recursion_limit(NESTING_MAX)
        .build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(from_datafusion)?;
    let (Some(statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return Err(EngineError::NotAQuery.into());
    };
    let Statement::Statement(mut inner) = statement else { return explained(statement) };
    if let ast::Statement::ExplainTable { table_name, .. } = &*inner {
        return parse(&columns_of::query_for(table_name)?);
    }
    if !matches!(*inner, ast::Statement::Query(_)) {
        return Err(EngineError::NotAQuery.into());
    }
    read_as_postgresql(&mut inner)?;
    Ok(Statement::Statement(inner))
}

/// `explain` of a query is a query; no other statement is.
fn explained(statement: Statement) -> Result<Statement> {
    let Statement::Explain(mut explain) = statement else {
        return Err(EngineError::NotAQuery.into());
    };
    let Statement::Statement(inner) = explain.statement.as_mut() else {
        return Err(EngineError::NotAQuery.into());
    };
    if !matches!(**inner, ast::Statement::Query(_)) {
        return Err(EngineError::NotAQuery.into());
    }
    read_as_postgresql(inner)?;
    Ok(Statement::Explain(explain))
}

fn read_as_postgresql(statement: &mut ast::Statement) -> Result<()> {
    postgres::adapt(statement)?;
    match statement.visit(&mut VersionsToNames) {
        ControlFlow::Break(error) => Err(error.into()),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// The name and the version that a planned name stands for.
pub(crate) fn split_version(name: &str) -> (&str, Option<AsOf>) {
    match name.split_once(AT) {
        None => (name, None),
        Some((name, version)) => match version.parse() {
            Ok(version) => (name, Some(AsOf::Version(version))),
            Err(_) => (name, Some(AsOf::Moment(version.to_owned()))),
        },
    }
}

struct VersionsToNames;

impl VisitorMut for VersionsToNames {
    type Break = EngineError;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<EngineError> {
        let TableFactor::Table { name, alias, version, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(asked) = version.take() else { return ControlFlow::Continue(()) };
        let shown = match version_text(&asked) {
            Ok(shown) => shown,
            Err(error) => return ControlFlow::Break(error),
        };
        let Some(ObjectNamePart::Identifier(last)) = name.0.last_mut() else {
            return ControlFlow::Continue(());
        };
        if alias.is_none() {
            let name = last.clone();
            *alias = Some(TableAlias { explicit: true, name, columns: Vec::new(), at: None });
        }
        let plain = if last.quote_style.is_some() {
            last.value.clone()
        } else {
            last.value.to_ascii_lowercase()
        };
        *last = Ident::with_quote('"', format!("{plain}{AT}{shown}"));
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, _relation: &mut ObjectName) -> ControlFlow<EngineError> {
        ControlFlow::Continue(())
    }
}

fn version_text(version: &TableVersion) -> Result<String, EngineError> {
    let unsupported = || EngineError::Unsupported {
        message: format!("`{version}`: write `version as of 3` or `timestamp as of '2026-01-31'`"),
    };
    let expression = match version {
        TableVersion::VersionAsOf(expression)
        | TableVersion::TimestampAsOf(expression)
        | TableVersion::ForSystemTimeAsOf(expression) => expression,
        TableVersion::Function(_) | TableVersion::Changes { .. } => return Err(unsupported()),
    };
    let literal = match expression {
        Expr::Value(value) => &value.value,
        Expr::TypedString(typed) => &typed.value.value,
        _ => return Err(unsupported()),
    };
    match (version, literal) {
        (TableVersion::VersionAsOf(_), Value::Number(number, _)) => {
            number.parse::<u64>().map_err(|_| unsupported())?;
            Ok(number.clone())
        }
        (TableVersion::VersionAsOf(_), _) => Err(unsupported()),
        (_, Value::SingleQuotedString(text)) => Ok(text.clone()),
        _ => Err(unsupported()),
    }
}

/// The dialect of the lake.
#[derive(Debug)]
pub(crate) struct LakeDialect;

/// Methods of the default dialect that say yes.
macro_rules! as_generic {
    ($($method:ident),* $(,)?) => {
        $(fn $method(&self) -> bool {
            GenericDialect {}.$method()
        })*
    };
}

impl Dialect for LakeDialect {
    // The parser asks some questions by the type of the dialect.
    fn dialect(&self) -> TypeId {
        GenericDialect {}.dialect()
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        GenericDialect {}.is_delimited_identifier_start(c)
    }

    fn is_identifier_start(&self, c: char) -> bool {
        GenericDialect {}.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        GenericDialect {}.is_identifier_part(c)
    }

    fn supports_table_versioning(&self) -> bool {
        true
    }

    // The default reads `alter view v rename to w` as a broken definition of the view.
    fn parse_statement(
        &self,
        parser: &mut Parser<'_>,
    ) -> Option<Result<ast::Statement, ParserError>> {
        parser.maybe_parse(renamed_view).transpose()
    }

    // The default binds powers looser than sums, and the operators of JSON and of patterns looser
    // than comparisons.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match parser.peek_token_ref().token {
            Token::Caret => Some(Ok(self.prec_value(Precedence::MulDivModOp) + 1)),
            Token::Arrow
            | Token::LongArrow
            | Token::HashArrow
            | Token::HashLongArrow
            | Token::AtArrow
            | Token::ArrowAt
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk => {
                Some(Ok(self.prec_value(Precedence::PlusMinus) - 1))
            }
            _ => None,
        }
    }

    // The default reads all that follows `is distinct from` as its right side, `and` included.
    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        left: &Expr,
        _precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        use Keyword::{DISTINCT, FROM, IS, NOT};
        let negated = parser.parse_keywords(&[IS, NOT, DISTINCT, FROM]);
        if !negated && !parser.parse_keywords(&[IS, DISTINCT, FROM]) {
            return None;
        }
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        let left = Box::new(left.clone());
        let node = if negated { Expr::IsNotDistinctFrom } else { Expr::IsDistinctFrom };
        Some(right.map(|right| node(left, Box::new(right))))
    }

    as_generic! {
        supports_unicode_string_literal,
        supports_partition_by_after_order_by,
        supports_array_join_syntax,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
        supports_connect_by,
        supports_match_recognize,
        supports_pipe_operator,
        supports_start_transaction_modifier,
        supports_window_function_null_treatment_arg,
        supports_dictionary_syntax,
        supports_window_clause_named_window_reference,
        supports_parenthesized_set_variables,
        supports_select_wildcard_except,
        support_map_literal_syntax,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_extract_comma_syntax,
        supports_create_view_comment_syntax,
        supports_parens_around_table_factor,
        supports_values_as_table_factor,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_limit_comma,
        supports_update_order_by,
        supports_from_first_select,
        supports_projection_trailing_commas,
        supports_asc_desc_in_column_definition,
        supports_try_convert,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_assignment_operator,
        supports_struct_literal,
        supports_empty_projections,
        supports_nested_comments,
        supports_multiline_comment_hints,
        supports_user_host_grantee,
        supports_string_escape_constant,
        supports_array_typedef_with_brackets,
        supports_match_against,
        supports_set_names,
        supports_comma_separated_set_assignments,
        supports_filter_during_aggregation,
        supports_select_wildcard_exclude,
        supports_data_type_signed_suffix,
        supports_interval_options,
        supports_quote_delimited_string,
        supports_select_wildcard_replace,
        supports_select_wildcard_ilike,
        supports_select_wildcard_rename,
        supports_optimize_table,
        supports_install,
        supports_detach,
        supports_prewhere,
        supports_with_fill,
        supports_limit_by,
        supports_interpolate,
        supports_settings,
        supports_select_format,
        supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
        supports_comma_separated_trim,
        supports_cte_without_as,
        supports_select_item_multi_column_alias,
        supports_xml_expressions,
    }
}

/// `alter [materialized] view v rename to w`, as if it were a table.
fn renamed_view(parser: &mut Parser<'_>) -> Result<ast::Statement, ParserError> {
    parser.expect_keyword_is(Keyword::ALTER)?;
    let _materialized = parser.parse_keyword(Keyword::MATERIALIZED);
    parser.expect_keyword_is(Keyword::VIEW)?;
    let if_exists = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let name = parser.parse_object_name(false)?;
    parser.expect_keywords(&[Keyword::RENAME, Keyword::TO])?;
    let table_name = RenameTableNameKind::To(parser.parse_object_name(false)?);
    Ok(ast::Statement::AlterTable(AlterTable {
        name,
        if_exists,
        only: false,
        operations: vec![AlterTableOperation::RenameTable { table_name }],
        location: None,
        on_cluster: None,
        table_type: None,
        end_token: AttachedToken::empty(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &str) {
        assert_eq!(parse(sql).unwrap().to_string(), expected);
    }

    #[test]
    fn versions_become_names() {
        check("select * from t", "SELECT * FROM t");
        check(
            "select t.a from S.T version as of 3 where t.a > 1",
            "SELECT t.a FROM S.\"t@3\" AS T WHERE t.a > 1",
        );
        check("select * from t timestamp as of '2026-01-31' x", "SELECT * FROM \"t@2026-01-31\" x");
        check(
            "select * from t version as of 1 join t version as of 2 as u on true",
            "SELECT * FROM \"t@1\" AS t JOIN \"t@2\" AS u ON true",
        );
    }

    #[test]
    fn only_one_query_is_accepted() {
        for sql in ["", "select 1; select 2", "drop table t", "insert into t values (1)"] {
            assert_eq!(parse(sql).unwrap_err().code(), "sql.not_a_query", "of {sql}");
        }
        assert_eq!(parse("selec 1").unwrap_err().code(), "sql.parse");
    }

    #[test]
    fn names_split_from_their_versions() {
        assert_eq!(split_version("t"), ("t", None));
        assert_eq!(split_version("t@3"), ("t", Some(AsOf::Version(3))));
        let moment = AsOf::Moment("2026-01-31".to_owned());
        assert_eq!(split_version("t@2026-01-31"), ("t", Some(moment)));
    }
}
