//! How a key and its value are written in the file.

use serde_json::Value;

/// A key and its value as TOML writes them, below the header of its table.
pub fn entry(table: &[String], key: &str, value: &Value) -> String {
    let header = match table {
        [] => "# at the top of the file\n".to_owned(),
        table => {
            format!("[{}]\n", table.iter().map(|step| word(step)).collect::<Vec<_>>().join("."))
        }
    };
    match toml::Value::try_from(value) {
        Ok(value) => format!("{header}{} = {value}\n", word(key)),
        Err(_) => format!("{header}# take `{}` out\n", word(key)),
    }
}

/// A key, in quotes where it needs them.
fn word(key: &str) -> String {
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    if !key.is_empty() && key.chars().all(is_bare) {
        return key.to_owned();
    }
    toml::Value::from(key).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn a_key_is_written_as_toml_wants_it() {
        let said = |table, key, value| entry(&path(table), key, &value);
        assert_eq!(said("services/app", "port", json!(80)), "[services.app]\nport = 80\n");
        assert_eq!(
            said("tags", "cost centre", json!("a\"b")),
            "[tags]\n\"cost centre\" = 'a\"b'\n"
        );
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]});
        let text = said("services/app/task_policies/inline", "night", policy.clone());
        let read: toml::Table = text.parse().unwrap();
        let inline = &read["services"]["app"]["task_policies"]["inline"]["night"];
        assert_eq!(serde_json::to_value(inline).unwrap(), policy);
        assert_eq!(
            said("services/app", "user", Value::Null),
            "[services.app]\n# take `user` out\n"
        );
        assert_eq!(
            entry(&[], "protect", &json!(true)),
            "# at the top of the file\nprotect = true\n"
        );
    }
}
