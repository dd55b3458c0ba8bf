//! The variables of a project: `vars:` in `dbt_project.yml` files, and those of the command line.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

/// Variables by the package that asks for them.
#[derive(Debug, Clone, Default)]
pub struct Vars {
    project: Arc<str>,
    packages: HashMap<Arc<str>, Map<String, Value>>,
    command_line: Map<String, Value>,
}

impl Vars {
    /// Variables of the project, of its packages (the project among them) and of the command line.
    pub fn new(
        project: Arc<str>,
        packages: impl IntoIterator<Item = (Arc<str>, Map<String, Value>)>,
        command_line: Map<String, Value>,
    ) -> Self {
        Self { project, packages: packages.into_iter().collect(), command_line }
    }

    /// What a variable is in a package: the command line stands above the project, which stands
    /// above the package; what is set for the package alone stands above what is set for all.
    pub fn get(&self, package: &str, name: &str) -> Option<&Value> {
        self.layers(package).into_iter().find_map(|layer| layer.get(name))
    }

    /// All variables of a package.
    pub fn merged(&self, package: &str) -> Map<String, Value> {
        let pairs = self.layers(package).into_iter().rev().flatten();
        pairs.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The highest first.
    fn layers(&self, package: &str) -> Vec<&Map<String, Value>> {
        let mut layers = vec![&self.command_line];
        let of_package = (*package != *self.project).then_some(package);
        for project in std::iter::once(&*self.project).chain(of_package) {
            let Some(vars) = self.packages.get(project) else { continue };
            layers.extend(vars.get(package).and_then(Value::as_object));
            layers.push(vars);
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn the_command_line_stands_above_the_project_and_the_project_above_the_package() {
        let project = json!({"a": 1, "b": 1, "lib": {"b": 2}});
        let lib = json!({"a": 8, "b": 8, "c": 8, "lib": {"c": 9}});
        let packages = [(Arc::from("own"), map(&project)), (Arc::from("lib"), map(&lib))];
        let vars = Vars::new("own".into(), packages, map(&json!({"d": 5})));
        let found = |package: &str, name: &str| vars.get(package, name).cloned();
        assert_eq!(found("own", "a"), Some(json!(1)));
        assert_eq!(found("own", "b"), Some(json!(1)));
        assert_eq!(found("own", "c"), None);
        assert_eq!(found("own", "d"), Some(json!(5)));
        assert_eq!(found("lib", "a"), Some(json!(1)));
        assert_eq!(found("lib", "b"), Some(json!(2)));
        assert_eq!(found("lib", "c"), Some(json!(9)));
        assert_eq!(vars.merged("lib").get("b"), Some(&json!(2)));
    }
}
