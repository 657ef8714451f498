//! In which line of the file a key stands.

use std::sync::Arc;

use miette::NamedSource;

use super::Source;
use super::tree::{self, Node, Place};

/// The lines of a configuration, as one environment reads it.
#[derive(Clone, Debug)]
pub struct Lines {
    tree: Node,
    environment: String,
}

impl Lines {
    /// The lines of a file; `None` when it is not TOML.
    pub fn of(source: &Source, environment: &str) -> Option<Self> {
        let name = source.path.display().to_string();
        let text = Arc::new(NamedSource::new(name, source.text.clone()));
        Some(Self { tree: tree::parse(&text).ok()?, environment: environment.to_owned() })
    }

    /// The line, from 1, of the key at a path: where the environment's own table has it, where the
    /// file has it, or of the nearest table around it. `None` where the file has none of them.
    pub fn line_of(&self, path: &[String]) -> Option<usize> {
        let own = ["env".to_owned(), self.environment.clone()];
        let own: Vec<String> = own.into_iter().chain(path.iter().cloned()).collect();
        let exact = self.tree.key_at(&own).or_else(|| self.tree.key_at(path));
        let around =
            || (1..path.len()).rev().find_map(|depth| self.tree.key_at(path.get(..depth)?));
        exact.or_else(around).map(line)
    }
}

fn line(place: &Place) -> usize {
    let before = place.text.inner().get(..place.span.start).unwrap_or_default();
    1 + before.matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "name = \"shop\"\n\n[services.app]\nimage = \"nginx\"\ncount = 2\n\n\
                        [env.prod.services.app]\ncount = 5\n\n[network]\n";

    fn line(environment: &str, key: &str) -> Option<usize> {
        let source = Source { path: "provision.toml".into(), text: FILE.into() };
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        Lines::of(&source, environment).unwrap().line_of(&path)
    }

    #[test]
    fn a_key_stands_where_the_environment_reads_it() {
        assert_eq!(line("dev", "services.app.count"), Some(5));
        assert_eq!(line("prod", "services.app.count"), Some(8));
        assert_eq!(line("prod", "services.app.image"), Some(4));
    }

    #[test]
    fn what_the_file_does_not_have_stands_in_its_table_if_there_is_one() {
        assert_eq!(line("dev", "services.app.port"), Some(3));
        assert_eq!(line("dev", "network.nat"), Some(10));
        assert_eq!(line("dev", "cluster.container_insights"), None);
        assert_eq!(line("dev", "protect"), None);
    }

    #[test]
    fn a_file_that_is_not_toml_has_no_lines() {
        let source = Source { path: "provision.toml".into(), text: "[".into() };
        assert!(Lines::of(&source, "dev").is_none());
    }
}
