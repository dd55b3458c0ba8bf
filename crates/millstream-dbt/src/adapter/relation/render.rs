//! Relations as they stand in SQL.

use std::fmt;

use super::{EventTimeFilter, Form, Part, Relation, RelationKind};

impl fmt::Display for Relation {
    /// The relation as a query reads it: its name, or a query around it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Some(RelationKind::Function) {
            return f.write_str(&self.render());
        }
        f.write_str(&self.render_event_time_filtered(&self.render_limited()))
    }
}

impl Relation {
    /// The name.
    pub fn render(&self) -> String {
        let parts = Part::ALL.into_iter().filter(|part| self.include.part(*part));
        let mut written: Vec<String> = parts
            .filter_map(|part| {
                let name = self.path.part(part)?;
                Some(if self.quote.part(part) { quoted(name) } else { name.to_owned() })
            })
            .collect();
        if let Form::InformationSchema(Some(view)) = &self.form {
            written.push(view.to_string());
        }
        written.join(".")
    }

    /// The name, or a query that reads so many rows of it.
    pub fn render_limited(&self) -> String {
        let rendered = self.render();
        let alias = self.alias("limit");
        match self.limit {
            None => rendered,
            Some(0) => format!("(select * from {rendered} where false limit 0){alias}"),
            Some(limit) => format!("(select * from {rendered} limit {limit}){alias}"),
        }
    }

    /// What is rendered, or a query that reads the rows of the time that is wanted.
    pub fn render_event_time_filtered(&self, rendered: &str) -> String {
        match self.event_time_filter.as_ref().and_then(EventTimeFilter::condition) {
            Some(condition) => {
                let alias = self.alias("et_filter");
                format!("(select * from {rendered} where {condition}){alias}")
            }
            None => rendered.to_owned(),
        }
    }

    fn alias(&self, purpose: &str) -> String {
        let name = self.path.identifier.as_deref().unwrap_or("None");
        format!(" _dbt_{purpose}_subq_{name}")
    }
}

impl EventTimeFilter {
    fn condition(&self) -> Option<String> {
        let Self { field_name, start, end } = self;
        let from = start.as_ref().map(|start| format!("{field_name} >= '{start}'"));
        let until = end.as_ref().map(|end| format!("{field_name} < '{end}'"));
        let conditions: Vec<String> = from.into_iter().chain(until).collect();
        (!conditions.is_empty()).then(|| conditions.join(" and "))
    }
}

/// A name in quotes, as dbt writes it: quotes inside are left as they are.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
