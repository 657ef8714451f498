//! Deaths between the files of a state, and within the last line of a journal.

use std::path::{Path, PathBuf};

use provision::state::State;
use provision::state::store::Directory;

use crate::death::Death;
use crate::matrix::Scenario;
use crate::world::{self, ENVIRONMENT, InFlight, STACK, directory_of};

fn file(directory: &Path, ending: &str) -> PathBuf {
    directory.join(format!("{STACK}-{ENVIRONMENT}.{ending}"))
}

fn load(directory: &Path) -> State {
    Directory::new(directory).load(STACK, ENVIRONMENT).unwrap().unwrap()
}

/// The files that a run leaves which dies after its last write but one, or so many before that.
fn cut_off(scenario: &Scenario, earlier: usize) -> tempfile::TempDir {
    let death = Death::AfterWrite(scenario.undisturbed.writes - earlier, InFlight::Lost);
    directory_of(&scenario.dies(death).unwrap().files)
}

#[test]
fn a_journal_cut_at_any_byte_of_its_last_record_is_the_journal_before_it() {
    let scenario = Scenario::up();
    let mut cuts = 0;
    for earlier in [0, 1, 30, 31] {
        let whole = cut_off(&scenario, earlier);
        let before = load(cut_off(&scenario, earlier + 1).path());
        let journal = std::fs::read(file(whole.path(), "journal")).unwrap();
        let last = journal[..journal.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        for end in last + 1..journal.len() {
            std::fs::write(file(whole.path(), "journal"), &journal[..end]).unwrap();
            assert_eq!(load(whole.path()), before, "cut at byte {end}");
            cuts += 1;
        }
    }
    eprintln!("{cuts} cuts of a journal's last record survived");
}

/// A snapshot that has taken its journal in, while the journal is still beside it: where a run
/// dies between the two files, when it begins and when it ends.
#[test]
fn a_death_between_the_snapshot_and_the_journal_loses_nothing() {
    let scenario = Scenario::up();
    for earlier in [0, 20, 40] {
        let files = cut_off(&scenario, earlier);
        let before = load(files.path());
        let journal = std::fs::read(file(files.path(), "journal")).unwrap();
        let store = Directory::new(files.path());
        let lock = store.lock(STACK, ENVIRONMENT, &world::holder()).unwrap();
        let writer = lock.begin(load(files.path())).unwrap();
        drop(writer);
        std::fs::write(file(files.path(), "journal"), &journal).unwrap();
        let after = load(files.path());
        assert_eq!(State { serial: before.serial, ..after }, before);
    }
}

/// A run that has removed everything writes that, and then removes its files one by one.
#[test]
fn a_down_that_dies_among_its_last_files_leaves_a_state_that_is_empty() {
    let scenario = Scenario::down();
    let last = Death::AfterWrite(scenario.undisturbed.writes, InFlight::Lost);
    scenario.goes_on(scenario.dies(last).unwrap()).unwrap();
    let files = cut_off(&scenario, 0);
    assert!(load(files.path()).is_empty());
    let store = Directory::new(files.path());
    let lock = store.lock(STACK, ENVIRONMENT, &world::holder()).unwrap();
    drop(lock.begin(load(files.path())).unwrap());
    std::fs::remove_file(file(files.path(), "journal")).unwrap();
    assert!(load(files.path()).is_empty());
    std::fs::remove_file(file(files.path(), "json")).unwrap();
    assert!(store.load(STACK, ENVIRONMENT).unwrap().is_none());
}
