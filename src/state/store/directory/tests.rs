//! States on a real disk: written, read, damaged in every way, and put together again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::event::Verb;
use crate::resource::{Address, Identity};
use crate::state::journal::{Entry, Header};
use crate::state::store::{Holder, Recorder as _, SnapshotFault, parse_snapshot, snapshot};
use crate::state::{FORMAT, Intent};

const STACK: &str = "web";
const ENVIRONMENT: &str = "dev";

fn holder() -> Holder {
    Holder {
        host: "machine".into(),
        process: 7,
        user: "somebody".into(),
        since: jiff::Timestamp::UNIX_EPOCH,
        command: "up".into(),
    }
}

/// Takes the lock. A process that another test is just starting holds a copy of every open file, of
/// a lock that was let go too, until it has become its own program.
fn lock(store: &Directory) -> DirectoryLock {
    for _ in 0..1000 {
        match store.lock(STACK, ENVIRONMENT, &holder()) {
            Err(StoreError::Held { holder: None }) => {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            settled => return settled.unwrap(),
        }
    }
    panic!("nobody has the lock, and it is held");
}

fn load(store: &Directory) -> Result<Option<State>, StoreError> {
    store.load(STACK, ENVIRONMENT)
}

fn address(name: &str) -> Address {
    format!("subnet.{name}").parse().unwrap()
}

fn begin(name: &str) -> Entry {
    let tags = [("provision:stack".to_owned(), STACK.to_owned())].into();
    let identity = Identity { name: format!("web-dev-{name}"), token: "token".into(), tags };
    let spec = json!({"zone": "eu-west-1a", "weight": 33.300_000_000_000_004});
    let needs = BTreeSet::from(["vpc.main".parse().unwrap()]);
    let intent = Intent {
        verb: Verb::Create,
        generation: 0,
        identity,
        spec,
        needs,
        unfound: false,
        applied: None,
    };
    Entry::Begin { address: address(name), intent }
}

fn made(name: &str) -> Entry {
    let outputs = json!({"id": format!("subnet-{name}")});
    Entry::Made { address: address(name), outputs, configured: true }
}

fn entries() -> Vec<Entry> {
    vec![
        begin("a"),
        made("a"),
        Entry::Ready { address: address("a") },
        begin("b"),
        made("b"),
        begin("c"),
    ]
}

/// A directory with a snapshot and a journal beside it, as a killed run leaves them, and the
/// state after each entry.
fn killed() -> (TempDir, Directory, Vec<State>) {
    let directory = tempfile::tempdir().unwrap();
    let store = Directory::new(directory.path().join("state"));
    let state = State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1");
    let mut writer = lock(&store).begin(state).unwrap();
    let mut states = vec![writer.state().clone()];
    for entry in entries() {
        writer.write(vec![entry]).unwrap();
        states.push(writer.state().clone());
    }
    (directory, store, states)
}

fn snapshot(store: &Directory) -> PathBuf {
    store.files(STACK, ENVIRONMENT).snapshot
}

fn journal(store: &Directory) -> PathBuf {
    store.files(STACK, ENVIRONMENT).journal
}

fn newlines(text: &[u8]) -> usize {
    text.split(|byte| *byte == b'\n').count() - 1
}

#[test]
fn what_was_recorded_is_read_back() {
    let (_directory, store, states) = killed();
    assert_eq!(load(&store).unwrap().as_ref(), states.last());
    let state = lock(&store).begin(load(&store).unwrap().unwrap()).unwrap().finish().unwrap();
    assert_eq!(load(&store).unwrap(), Some(state));
    assert!(!journal(&store).exists());
}

#[test]
fn no_state_is_none_and_a_retired_one_too() {
    let (_directory, store, states) = killed();
    assert_eq!(Directory::new("/nowhere/at/all").load(STACK, ENVIRONMENT).unwrap(), None);
    lock(&store).begin(states[0].clone()).unwrap().retire().unwrap();
    assert_eq!(load(&store).unwrap(), None);
    assert!(
        store.copies(STACK, ENVIRONMENT)[0].1.is_empty(),
        "the last copy says that nothing is left"
    );
}

#[test]
fn who_only_looks_is_told_who_is_at_work_and_of_nobody_who_was() {
    let (_directory, store, _) = killed();
    let at_work = || store.at_work(STACK, ENVIRONMENT);
    assert_eq!(at_work(), None);
    let held = lock(&store);
    assert_eq!(at_work(), Some(holder()));
    assert_eq!(at_work(), Some(holder()), "looking takes nothing away");
    drop(held);
    // As one that was killed leaves it: it says who, and nobody holds it.
    fs::write(store.files(STACK, ENVIRONMENT).lock, serde_json::to_string(&holder()).unwrap())
        .unwrap();
    assert_eq!(at_work(), None);
    assert_eq!(Directory::new("/nowhere/at/all").at_work(STACK, ENVIRONMENT), None);
}

#[test]
fn a_second_worker_is_told_who_the_first_is() {
    let (_directory, store, _) = killed();
    let held = lock(&store);
    let refused = store.lock(STACK, ENVIRONMENT, &Holder { process: 8, ..holder() }).unwrap_err();
    assert!(matches!(&refused, StoreError::Held { holder: Some(who) } if *who == holder()));
    drop(held);
    lock(&store);
}

#[test]
fn a_lock_whose_holder_died_is_no_obstacle() {
    let (_directory, store, _) = killed();
    fs::write(&store.files(STACK, ENVIRONMENT).lock, serde_json::to_string(&holder()).unwrap())
        .unwrap();
    lock(&store);
}

#[test]
fn the_last_ten_snapshots_are_kept_and_no_serial_comes_twice() {
    let (_directory, store, _) = killed();
    for _ in 0..12 {
        let state = load(&store).unwrap().unwrap();
        lock(&store).begin(state).unwrap().finish().unwrap();
    }
    let serials: Vec<u64> =
        store.copies(STACK, ENVIRONMENT).iter().map(|(copy, _)| copy.serial).collect();
    assert_eq!(serials.len(), 10);
    let last = serials[0];
    // Another stack of the same name, after this one is gone.
    lock(&store).begin(load(&store).unwrap().unwrap()).unwrap().retire().unwrap();
    let state = State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1");
    assert!(lock(&store).begin(state).unwrap().state().serial > last);
}

#[test]
fn only_the_owner_can_read_anything() {
    let (_directory, store, _) = killed();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = store.files(STACK, ENVIRONMENT);
    let copy = store.copies(STACK, ENVIRONMENT)[0].0.path.clone();
    for file in [&files.snapshot, &files.journal, &files.lock, &copy] {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert_eq!(mode(store.path()), 0o700);
    assert_eq!(mode(&files.backups), 0o700);
}

#[test]
fn a_journal_cut_at_any_byte_is_an_earlier_state_or_refused() {
    let (_directory, store, states) = killed();
    let whole = fs::read(journal(&store)).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for length in 0..whole.len() {
        fs::write(journal(&store), &whole[..length]).unwrap();
        let lines = newlines(&whole[..length]);
        match load(&store) {
            Ok(state) => {
                assert!(length >= header);
                assert_eq!(state, Some(states[lines - 1].clone()), "cut at {length}");
            }
            Err(error) => {
                assert!(length < header && error.is_damage(), "{error}");
                assert!(!store.salvage(STACK, ENVIRONMENT, None).unwrap().is_whole);
            }
        }
    }
}

#[test]
fn a_flipped_bit_in_the_journal_is_refused_and_all_before_it_is_had() {
    let (_directory, store, states) = killed();
    let whole = fs::read(journal(&store)).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        fs::write(journal(&store), &damaged).unwrap();
        // Without its newline the last line is one that was being written.
        if place == whole.len() - 1 {
            assert_eq!(load(&store).unwrap().as_ref(), states.get(states.len() - 2));
            continue;
        }
        let error = load(&store).unwrap_err();
        assert!(error.is_damage(), "bit of byte {place}: {error}");
        let salvage = store.salvage(STACK, ENVIRONMENT, None).unwrap();
        assert!(!salvage.is_whole);
        let good = newlines(&whole[..place]).saturating_sub(1);
        assert_eq!(salvage.state, states[good], "byte {place}");
        assert_ne!(salvage.into_state().lineage, states[0].lineage);
    }
}

#[test]
fn a_snapshot_with_any_flipped_bit_or_cut_is_refused_and_had_from_its_copy() {
    let (_directory, store, states) = killed();
    let whole = fs::read(snapshot(&store)).unwrap();
    let damaged = (0..whole.len()).map(|place| {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        damaged
    });
    for text in damaged.chain((0..whole.len()).map(|length| whole[..length].to_vec())) {
        fs::write(snapshot(&store), &text).unwrap();
        match load(&store).unwrap_err() {
            StoreError::DamagedSnapshot { last_good, .. } => {
                assert_eq!(last_good.unwrap().serial, 1);
            }
            // The bit was one of the format's number.
            error => assert!(matches!(error, StoreError::Newer { .. }), "{error}"),
        }
        let salvage = store.salvage(STACK, ENVIRONMENT, None).unwrap();
        assert!(salvage.is_whole);
        assert_eq!(Some(&salvage.state), states.last());
    }
}

#[test]
fn a_missing_snapshot_is_had_from_its_copy_with_all_that_the_journal_says() {
    let (_directory, store, states) = killed();
    fs::remove_file(snapshot(&store)).unwrap();
    assert!(matches!(
        load(&store).unwrap_err(),
        StoreError::MissingSnapshot { last_good: Some(_), .. }
    ));
    let salvage = store.salvage(STACK, ENVIRONMENT, None).unwrap();
    assert!(salvage.is_whole);
    assert_eq!(Some(&salvage.into_state()), states.last());
}

#[test]
fn a_journal_of_a_later_serial_is_refused_and_followed_from_its_own_copy() {
    let (_directory, store, _) = killed();
    let old = fs::read(snapshot(&store)).unwrap();
    let state = load(&store).unwrap().unwrap();
    let mut writer = lock(&store).begin(state).unwrap();
    writer.write(vec![made("c")]).unwrap();
    let state = writer.state().clone();
    drop(writer);
    fs::write(snapshot(&store), old).unwrap();
    assert!(matches!(load(&store).unwrap_err(), StoreError::ForeignJournal { .. }));
    let salvage = store.salvage(STACK, ENVIRONMENT, None).unwrap();
    assert!(salvage.is_whole);
    assert_eq!(salvage.state, state);
}

#[test]
fn a_journal_of_an_earlier_serial_was_taken_in() {
    let (_directory, store, _) = killed();
    let old = fs::read(journal(&store)).unwrap();
    let state = load(&store).unwrap().unwrap();
    let state = lock(&store).begin(state).unwrap().finish().unwrap();
    fs::write(journal(&store), old).unwrap();
    assert_eq!(load(&store).unwrap(), Some(state));
}

#[test]
fn another_stacks_state_is_refused_and_never_restored() {
    let directory = tempfile::tempdir().unwrap();
    let store = Directory::new(directory.path());
    let state = State::new("web-dev", "x", "000000000000", "eu-west-1");
    store.lock("web-dev", "x", &holder()).unwrap().begin(state).unwrap().finish().unwrap();
    // The same file, by other parts of the name.
    let refused = store.load("web", "dev-x").unwrap_err();
    assert!(matches!(refused, StoreError::OtherStack { .. }));
    assert!(refused.to_string().ends_with("is of web-dev in x, not of web in dev-x"), "{refused}");
    assert!(matches!(store.salvage("web", "dev-x", None).unwrap_err(), StoreError::NoCopy { .. }));
}

/// A snapshot of format 1: its checksum is over its members, and it knows no protection.
fn of_format_one(state: &State) -> String {
    let mut members = serde_json::to_value(state).unwrap();
    let members = members.as_object_mut().unwrap();
    members.remove("protected");
    members.insert("format".into(), json!(1));
    let sum = crate::state::journal::checksum(&Value::Object(members.clone()).to_string());
    members.insert("checksum".into(), json!(sum));
    serde_json::to_string_pretty(members).unwrap()
}

#[test]
fn an_older_format_is_read_and_a_newer_one_refused() {
    let (_directory, store, states) = killed();
    fs::write(snapshot(&store), of_format_one(&states[0])).unwrap();
    assert_eq!(load(&store).unwrap().as_ref(), states.last());
    fs::write(snapshot(&store), of_format_one(&states[0]).replace("000000000000", "000000000001"))
        .unwrap();
    assert!(matches!(load(&store).unwrap_err(), StoreError::DamagedSnapshot { .. }));

    let newer = State { format: FORMAT + 1, ..states[0].clone() };
    fs::write(snapshot(&store), snapshot::render(&newer)).unwrap();
    assert!(
        matches!(load(&store).unwrap_err(), StoreError::Newer { format, .. } if format == u64::from(FORMAT) + 1)
    );
}

#[test]
fn no_file_of_a_state_is_reached_through_a_link() {
    let (directory, store, states) = killed();
    let outside = directory.path().join("outside");
    let files = store.files(STACK, ENVIRONMENT);
    for file in [&files.snapshot, &files.journal, &files.lock] {
        let aside = directory.path().join("aside");
        fs::rename(file, &aside).unwrap();
        for target in [&aside, &outside] {
            symlink(target, file).unwrap();
            let state = states[0].clone();
            let lock = store.lock(STACK, ENVIRONMENT, &holder());
            let refused = match (load(&store), lock) {
                (Err(refused), _) | (_, Err(refused)) => refused,
                (Ok(_), Ok(lock)) => lock.begin(state).unwrap_err(),
            };
            assert!(matches!(refused, StoreError::Link { .. }), "{}: {refused}", file.display());
            fs::remove_file(file).unwrap();
        }
        fs::rename(&aside, file).unwrap();
    }
    assert!(!outside.exists(), "nothing was made outside");
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let (_directory, store, _) = killed();
    let files = store.files(STACK, ENVIRONMENT);
    let is_refused = || {
        let tried = load(&store).and(store.lock(STACK, ENVIRONMENT, &holder()));
        matches!(tried, Err(StoreError::NoFile { .. }))
    };
    for file in [&files.snapshot, &files.journal, &files.lock] {
        let content = fs::read(file).unwrap();
        fs::remove_file(file).unwrap();
        let made = std::process::Command::new("mkfifo").arg(file).status().unwrap();
        assert!(made.success() && is_refused(), "{} is a pipe", file.display());
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
        assert!(is_refused(), "{} is a directory", file.display());
        fs::remove_dir(file).unwrap();
        fs::write(file, content).unwrap();
    }
}

#[test]
fn copies_are_not_kept_behind_a_link() {
    let (directory, store, states) = killed();
    let files = store.files(STACK, ENVIRONMENT);
    let outside = directory.path().join("outside");
    fs::rename(&files.backups, &outside).unwrap();
    let before = fs::read_dir(&outside).unwrap().count();
    symlink(&outside, &files.backups).unwrap();
    let refused = lock(&store).begin(states[0].clone()).unwrap_err();
    assert!(matches!(refused, StoreError::Link { .. }), "{refused}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), before);
    assert!(store.copies(STACK, ENVIRONMENT).is_empty());
}

#[test]
fn a_saved_file_is_the_owners_and_replaces_no_link_and_no_pipe() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("plan"), directory.path().join("link"));
    write_private(&file, b"secret").unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    symlink(&file, &link).unwrap();
    assert!(matches!(write_private(&link, b"other").unwrap_err(), StoreError::Link { .. }));
    assert_eq!(fs::read(&file).unwrap(), b"secret");
    let pipe = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(write_private(&pipe, b"other").unwrap_err(), StoreError::NoFile { .. }));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo(), "it is left as it was");
}

#[test]
fn a_full_disk_stops_the_writer_for_good_and_loses_nothing() {
    let (_directory, store, states) = killed();
    let writer = lock(&store).begin(states[0].clone()).unwrap();
    let state = writer.state().clone();
    let mut writer = writer.with_journal(File::options().write(true).open("/dev/full").unwrap());
    let refused = writer.write(vec![begin("a")]).unwrap_err();
    assert!(matches!(refused, StoreError::Disk { action: "writing", .. }), "{refused}");
    assert!(matches!(writer.write(vec![begin("b")]).unwrap_err(), StoreError::Broken { .. }));
    assert_eq!(*writer.state(), state, "what is not on disk has not happened");
    drop(writer);
    assert_eq!(load(&store).unwrap(), Some(state));
}

#[test]
fn a_directory_that_cannot_be_made_stops_before_anything_begins() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state");
    fs::write(&file, "no directory").unwrap();
    let refused = Directory::new(&file).lock(STACK, ENVIRONMENT, &holder()).unwrap_err();
    assert!(matches!(refused, StoreError::Disk { .. }), "{refused}");
    assert!(Directory::new(&file).load(STACK, ENVIRONMENT).is_err());
}

#[test]
fn what_is_laid_aside_is_kept_under_names_of_its_own() {
    let (_directory, store, states) = killed();
    let backups = store.files(STACK, ENVIRONMENT).backups;
    for _ in 0..2 {
        fs::write(snapshot(&store), "garbage").unwrap();
        let lock = lock(&store);
        lock.lay_aside().unwrap();
        lock.begin(states[0].clone()).unwrap().finish().unwrap();
    }
    for name in ["laid-aside-1.json", "laid-aside-1.journal", "laid-aside-2.json"] {
        assert!(backups.join(name).exists(), "{name}");
    }
}

/// Readers take no lock, so they may come at any moment of a write.
#[test]
fn a_reader_never_sees_half_a_write() {
    let (_directory, store, states) = killed();
    let done = std::sync::atomic::AtomicBool::new(false);
    let mut seen = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut state = states[0].clone();
            for round in 0..60 {
                let mut writer = lock(&store).begin(state).unwrap();
                for entry in entries() {
                    writer.write(vec![entry]).unwrap();
                }
                if round % 10 == 9 {
                    writer.retire().unwrap();
                    state = states[0].clone();
                } else {
                    state = writer.finish().unwrap();
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            load(&store).unwrap_or_else(|error| panic!("after {seen} good looks: {error}"));
            seen += 1;
        }
    });
    assert!(seen > 10);
}

/// A snapshot with these members and a checksum that fits.
fn sealed(members: &str) -> Vec<u8> {
    let sum = crate::state::journal::checksum(&format!("{{\n{members}"));
    format!("{{\n  \"checksum\": \"{sum}\",\n{members}").into_bytes()
}

/// What the members of a whole snapshot look like.
fn members() -> String {
    let mut state = State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1");
    for entry in entries() {
        state.apply(entry);
    }
    let text = snapshot::render(&state);
    text.split_once("\",\n").map(|(_, members)| members.to_owned()).unwrap()
}

/// A journal of these texts, each with a checksum that fits.
fn checked(texts: &[String]) -> Vec<u8> {
    let header = Header { lineage: "lineage".into(), serial: 1 };
    let lines =
        texts.iter().map(|text| format!("{} {text}\n", crate::state::journal::checksum(text)));
    (crate::state::journal::write_line(&header) + &lines.collect::<String>()).into_bytes()
}

#[test]
fn what_is_sealed_is_read_as_it_was() {
    assert!(parse_snapshot(&sealed(&members())).is_ok());
    let texts: Vec<String> =
        entries().iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    let (_, read) = crate::state::journal::read(&checked(&texts)).unwrap().unwrap();
    assert_eq!(read, entries());
}

#[test]
fn deep_nesting_behind_a_checksum_that_fits_is_damage_and_no_more() {
    for deep in
        ["[".repeat(200_000), format!("{{\"a\":{}", "[".repeat(200_000)), "{\"a\":".repeat(100_000)]
    {
        let snapshot = sealed(&format!("  \"format\": 2,\n  \"stack\": {deep}"));
        assert!(matches!(parse_snapshot(&snapshot), Err(SnapshotFault::Damaged(_))));
        assert!(crate::state::journal::read(&checked(&[deep])).is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_state_and_no_panic(text in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(parse_snapshot(&text).is_err());
        let read = crate::state::journal::read(&text);
        prop_assert!(!matches!(read, Ok(Some(_))));
    }

    #[test]
    fn a_mutated_snapshot_is_never_taken_for_another(
        place in any::<prop::sample::Index>(),
        length in 0..9_usize,
        with in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut state = State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1");
        for entry in entries() {
            state.apply(entry);
        }
        let text = snapshot::render(&state).into_bytes();
        let start = place.index(text.len());
        let end = (start + length).min(text.len());
        let mutated: Vec<u8> = [&text[..start], &with, &text[end..]].concat();
        match parse_snapshot(&mutated) {
            Ok(read) => prop_assert_eq!(read, state),
            Err(fault) => prop_assert_ne!(mutated, text, "{:?}", fault),
        }
    }

    #[test]
    fn a_mutated_journal_gives_an_earlier_state_or_none(
        place in any::<prop::sample::Index>(),
        length in 0..9_usize,
        with in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let header = Header { lineage: "lineage".into(), serial: 1 };
        let text = crate::state::journal::write_line(&header)
            + &entries().iter().map(crate::state::journal::write_line).collect::<String>();
        let text = text.into_bytes();
        let start = place.index(text.len());
        let end = (start + length).min(text.len());
        let mutated: Vec<u8> = [&text[..start], &with, &text[end..]].concat();
        if let Ok(Some((read, some))) = crate::state::journal::read(&mutated) {
            prop_assert_eq!(read, header);
            prop_assert_eq!(&some[..], &entries()[..some.len()]);
        }
    }

    #[test]
    fn any_number_survives_a_snapshot(weight in any::<f64>().prop_filter("JSON has no other", |n| n.is_finite())) {
        let mut state = State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1");
        state.apply(begin("a"));
        if let Some(intent) = state.in_doubt.get_mut(&address("a")) {
            intent.spec = json!({"weight": weight});
        }
        let text = snapshot::render(&state);
        prop_assert!(parse_snapshot(text.as_bytes()).is_ok());
    }

    /// Behind a checksum that fits: no panic, and nothing read that is not a state of this format.
    #[test]
    fn mutated_members_under_a_fitting_checksum_are_a_state_or_damage(
        place in any::<prop::sample::Index>(),
        length in 0..40_usize,
        with in "[-0-9a-z{}\\[\\]\":, \n]{0,30}",
    ) {
        let text = members();
        let start = place.index(text.len());
        let end = (start + length).min(text.len());
        prop_assume!(text.is_char_boundary(start) && text.is_char_boundary(end));
        let mutated = format!("{}{with}{}", &text[..start], &text[end..]);
        if let Ok(state) = parse_snapshot(&sealed(&mutated)) {
            prop_assert_eq!(state.format, FORMAT);
            let again = parse_snapshot(snapshot::render(&state).as_bytes());
            prop_assert_eq!(again, Ok(state), "what is read can be written and read again");
        }
    }

    #[test]
    fn mutated_entries_under_fitting_checksums_are_entries_or_damage(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        length in 0..20_usize,
        with in "[-0-9a-z{}\\[\\]\":, ]{0,20}",
    ) {
        let mut texts: Vec<String> =
            entries().iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        let at = which.index(texts.len());
        let text = &texts[at];
        let start = place.index(text.len());
        let end = (start + length).min(text.len());
        prop_assume!(text.is_char_boundary(start) && text.is_char_boundary(end));
        texts[at] = format!("{}{with}{}", &text[..start], &text[end..]);
        let (read, damage) = crate::state::journal::read_prefix(&checked(&texts));
        let (_, read) = read.unwrap();
        prop_assert_eq!(read.len(), if damage.is_some() { at } else { texts.len() });
        let mut state = State::new(STACK, ENVIRONMENT, "000000000000", "eu-west-1");
        for entry in read {
            state.apply(entry);
        }
    }
}
