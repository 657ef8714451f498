//! The rooms are entered in one order: a module names only those that stand above it in the table
//! of `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The names in the first column of the table under "Rooms", in their order.
fn documented_rooms() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/architecture.md"));
    let text = text.expect("the map can be read");
    let section = text.split("\n## ").find(|section| section.starts_with("Rooms"));
    let section = section.expect("the map has a section of rooms");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.chars().take_while(|letter| *letter != '`').collect()).collect()
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The source files of each room: of each module of the crate's root.
fn rooms() -> BTreeMap<String, Vec<PathBuf>> {
    let mut rooms: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in entries(&root().join("src")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name != "lib" && name != "main" {
            rooms.entry(name).or_default().extend(sources(&path));
        }
    }
    rooms
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = directory.read_dir().expect("the sources can be listed");
    entries.map(|entry| entry.expect("the sources can be listed").path()).collect()
}

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_dir() {
        return entries(path).iter().flat_map(|entry| sources(entry)).collect();
    }
    if path.extension().is_some_and(|extension| extension == "rs") {
        return vec![path.to_owned()];
    }
    vec![]
}

/// The rooms that a source names: after `crate::`, also in a list of imports.
fn named(source: &str) -> BTreeSet<String> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: Vec<&str> = code.collect();
    let code = code.join("\n");
    let mut named = BTreeSet::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => named.insert(first_word(rest)),
            Some(list) => {
                named.extend(list_heads(list));
                false
            }
        };
    }
    named.remove("");
    named
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The first word of each item of an import list, whose opening brace is behind us.
fn list_heads(list: &str) -> Vec<String> {
    let mut depth = 1;
    let mut heads = vec![first_word(list.trim_start())];
    for (place, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => heads.push(first_word(list[place + 1..].trim_start())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    heads
}

#[test]
fn every_room_is_on_the_map() {
    let documented: BTreeSet<String> = documented_rooms().into_iter().collect();
    let there: BTreeSet<String> = rooms().into_keys().collect();
    assert_eq!(documented, there, "docs/architecture.md and src/ have different rooms");
}

#[test]
fn a_room_names_only_those_above_it() {
    let order = documented_rooms();
    let place = |room: &str| order.iter().position(|other| other == room);
    let mut broken = Vec::new();
    for (room, sources) in rooms() {
        for source in sources {
            let text = std::fs::read_to_string(&source).unwrap();
            for other in named(&text) {
                let is_below = place(&other).is_some_and(|other| Some(other) > place(&room));
                let is_the_simulation = other == "simulated_aws" && room != other && room != "cli";
                if is_below || is_the_simulation {
                    broken.push(format!("{} names {other}", source.display()));
                }
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_simulated_aws_knows_nothing_of_the_program() {
    for source in &rooms()["simulated_aws"] {
        let mut named = named(&std::fs::read_to_string(source).unwrap());
        named.remove("simulated_aws");
        assert!(named.is_empty(), "{} names {named:?}", source.display());
    }
}

#[test]
fn imports_are_read_in_all_their_forms() {
    let source = "use crate::plan::Plan;\nuse crate::{\n    aws::{Aws, Tags},\n    state,\n};\n\
                  // crate::cli\nfn f() -> crate::event::Event {}";
    assert_eq!(named(source), ["aws", "event", "plan", "state"].map(String::from).into());
}
