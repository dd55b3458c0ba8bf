//! Which macros are different, themselves or by what they call.

use std::collections::{HashMap, HashSet};

use super::super::tokens::same_sql;
use super::previous::PreviousManifest;
use crate::manifest::{Manifest, UniqueId};

/// The macros of the project and its packages whose meaning is different. Those that come with
/// dbt are not compared: another release of dbt is not a change of the project.
pub(super) fn modified<'m>(
    manifest: &'m Manifest,
    previous: &PreviousManifest,
) -> HashSet<&'m UniqueId> {
    let mut callers: HashMap<&UniqueId, Vec<&'m UniqueId>> = HashMap::new();
    let mut open = Vec::new();
    for (id, found) in &manifest.macros {
        found.depends_on.iter().for_each(|called| callers.entry(called).or_default().push(id));
        let text = &found.program.source()[found.definition.range()];
        let is_same = previous.macro_sql(id.as_str()).is_some_and(|old| same_sql(old, text));
        if !is_same && manifest.packages.contains_key(found.package_name.as_ref()) {
            open.push(id);
        }
    }
    let mut modified: HashSet<&UniqueId> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        let callers = callers.get(id).into_iter().flatten().copied();
        open.extend(callers.filter(|caller| modified.insert(caller)));
    }
    modified
}
