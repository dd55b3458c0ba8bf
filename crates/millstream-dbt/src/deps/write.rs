//! YAML as dbt writes it: blocks, keys in their order.

use serde_json::Value;

/// A map as a file of YAML.
pub(super) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    map(value, 0, &mut text);
    text
}

fn map(value: &Value, depth: usize, text: &mut String) {
    let mut pairs: Vec<(&String, &Value)> = value.as_object().into_iter().flatten().collect();
    pairs.sort_by_key(|(key, _)| *key);
    for (index, (key, value)) in pairs.into_iter().enumerate() {
        if index > 0 {
            text.push_str(&" ".repeat(depth));
        }
        text.push_str(key);
        text.push(':');
        match value {
            Value::Array(items) if !items.is_empty() => {
                text.push('\n');
                list(items, depth + 2, text);
            }
            Value::Object(inner) if !inner.is_empty() => {
                text.push('\n');
                text.push_str(&" ".repeat(depth + 2));
                map(value, depth + 2, text);
            }
            plain => {
                text.push(' ');
                text.push_str(&scalar(plain));
                text.push('\n');
            }
        }
    }
}

fn list(items: &[Value], depth: usize, text: &mut String) {
    for item in items {
        text.push_str(&" ".repeat(depth));
        text.push_str("- ");
        if item.is_object() {
            map(item, depth + 2, text);
        } else {
            text.push_str(&scalar(item));
            text.push('\n');
        }
    }
}

fn scalar(value: &Value) -> String {
    let Value::String(text) = value else { return value.to_string() };
    let is_word = |letter: char| letter.is_alphanumeric() || "_-./:@+~".contains(letter);
    let is_safe = text.starts_with(|letter: char| letter.is_alphabetic() || "./_".contains(letter))
        && text.chars().all(is_word)
        && !text.ends_with(':');
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n"
    );
    let is_version = text.split('.').count() > 2
        && text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    let is_commit = text.len() == 40
        && text.chars().all(|letter| letter.is_ascii_hexdigit())
        && text.chars().filter(char::is_ascii_alphabetic).any(|letter| letter != 'e');
    if (is_safe && !is_word) || is_version || is_commit {
        return text.clone();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn yaml_is_what_dbt_writes() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let value = json!({
            "sha1_hash": "abc",
            "packages": [
                {"version": "1.1.1", "package": "dbt-labs/dbt_utils", "name": "dbt_utils"},
                {"git": "{{ env_var('A') }}", "revision": commit},
                {"package": "a/b", "version": [">=1.0.0", "<2.0.0"]},
            ],
        });
        let expected = format!(
            "packages:\n  - name: dbt_utils\n    package: dbt-labs/dbt_utils\n    version: 1.1.1\n  \
             - git: '{{{{ env_var(''A'') }}}}'\n    revision: {commit}\n  - package: a/b\n    version:\n      \
             - '>=1.0.0'\n      - '<2.0.0'\nsha1_hash: abc\n"
        );
        assert_eq!(super::yaml(&value), expected);
    }
}
