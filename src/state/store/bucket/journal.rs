//! The journals of a stack: their parts by serial and number.

use std::collections::BTreeMap;

use futures::stream::{StreamExt as _, TryStreamExt as _};

use super::AT_ONCE;
use super::keys::Keys;
use super::objects::{Condition, Objects, Put};
use crate::state::journal::Damage;
use crate::state::store::error::StoreError;

/// How often the end of a journal is looked for anew while somebody still writes there: they lose
/// the race as soon as one of their parts is later than the seal.
const TRIES: u32 = 100;

/// What a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The header, or a batch of entries.
    Lines,
    /// The end that somebody set who took over.
    Seal,
}

/// The parts of all journals that there are, by the serial that they follow, and their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Journals(BTreeMap<u64, BTreeMap<u64, Part>>);

impl Journals {
    pub async fn list(objects: &Objects, keys: &Keys) -> Result<Self, StoreError> {
        let mut journals = Self::default();
        for entry in objects.list(&keys.journals(), None).await? {
            let Some((serial, number)) = keys.part_of(&entry.key) else { continue };
            let part = if entry.is_empty { Part::Seal } else { Part::Lines };
            journals.0.entry(serial).or_default().insert(number, part);
        }
        Ok(journals)
    }

    /// Ends every journal that somebody could go on with. What was written until then is all that
    /// ever will be.
    pub async fn seal(objects: &Objects, keys: &Keys, who: &str) -> Result<Self, StoreError> {
        for _ in 0..TRIES {
            let mut journals = Self::list(objects, keys).await?;
            let mut is_overtaken = false;
            for (serial, end) in journals.open() {
                let key = keys.part(serial, end);
                let put = objects.put(&key, b"", who, Condition::Absent).await?;
                is_overtaken |= put == Put::Refused;
                journals.0.entry(serial).or_default().insert(end, Part::Seal);
            }
            if !is_overtaken {
                return Ok(journals);
            }
        }
        Err(StoreError::Lost { by: None })
    }

    /// The journals without a seal, and the number of the part that would come next.
    fn open(&self) -> Vec<(u64, u64)> {
        let open =
            self.0.iter().filter(|(_, parts)| !parts.values().any(|part| *part == Part::Seal));
        let ends = open.filter_map(|(serial, parts)| Some((*serial, *parts.keys().last()? + 1)));
        ends.collect()
    }

    /// The highest serial that any of them follows.
    pub fn highest(&self) -> u64 {
        self.0.keys().last().copied().unwrap_or_default()
    }

    /// The newest journal in which anything but its header was written.
    pub fn newest_with_entries(&self) -> Option<u64> {
        let mut newest = self.0.iter().rev();
        newest.find(|(_, parts)| has_entries(parts)).map(|(serial, _)| *serial)
    }

    /// The keys of all parts of journals that follow serials before `serial`, but for seals.
    pub fn lines_before(&self, keys: &Keys, serial: u64) -> Vec<String> {
        let parts = self.0.range(..serial).flat_map(|(serial, parts)| {
            let lines = parts.iter().filter(|(_, part)| **part == Part::Lines);
            lines.map(|(number, _)| keys.part(*serial, *number))
        });
        parts.collect()
    }

    /// The text of the journal that belongs to the snapshot of a serial; or of one that is newer,
    /// which does not fit it. A newer one without entries was never begun.
    pub async fn text(
        &self,
        objects: &Objects,
        keys: &Keys,
        serial: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let newer = self.newest_with_entries().filter(|newest| *newest > serial);
        let serial = newer.unwrap_or(serial);
        let numbers = self.numbers(serial);
        if numbers.is_empty() {
            return Ok(None);
        }
        let texts = texts(objects, keys, serial, &numbers).await?;
        let mut whole = Vec::new();
        for ((place, number), text) in (0..).zip(numbers).zip(texts) {
            match text.filter(|text| number == place && text.ends_with(b"\n")) {
                Some(text) => whole.extend(text),
                None => return Err(missing(keys, serial, place)),
            }
        }
        Ok(Some(whole))
    }

    /// The text of a journal up to the first of its parts that is not there.
    pub async fn text_as_far_as_it_goes(
        &self,
        objects: &Objects,
        keys: &Keys,
        serial: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let numbers = self.numbers(serial);
        let texts = texts(objects, keys, serial, &numbers).await?;
        let parts = (0..).zip(numbers).zip(texts);
        let whole = parts.map_while(|((place, number), text)| text.filter(|_| number == place));
        Ok(whole.flatten().collect())
    }

    fn numbers(&self, serial: u64) -> Vec<u64> {
        let parts = self.0.get(&serial).into_iter().flatten();
        parts.filter(|(_, part)| **part == Part::Lines).map(|(number, _)| *number).collect()
    }
}

fn has_entries(parts: &BTreeMap<u64, Part>) -> bool {
    parts.iter().any(|(number, part)| *number > 0 && *part == Part::Lines)
}

async fn texts(
    objects: &Objects,
    keys: &Keys,
    serial: u64,
    numbers: &[u64],
) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
    let reads = futures::stream::iter(numbers.to_vec()).map(async |number| {
        let object = objects.get(&keys.part(serial, number)).await?;
        Ok::<_, StoreError>(object.map(|object| object.body))
    });
    reads.buffered(AT_ONCE).try_collect().await
}

fn missing(keys: &Keys, serial: u64, number: u64) -> StoreError {
    StoreError::DamagedJournal {
        path: keys.shown(&keys.part(serial, number)),
        source: Damage { line: 1, what: "this part is missing or cut off".into() },
        last_good: None,
    }
}
