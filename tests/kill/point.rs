//! Where a run is disturbed, and how.

/// How a run is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Killed while a call waits that was not carried out.
    KilledBefore,
    /// Killed while a call waits that was carried out.
    KilledAfter,
    /// Killed when its journal has so many lines.
    KilledAtLine,
    /// Not killed: the connection of a call is closed that was not carried out.
    CutBefore,
    /// Not killed: the connection of a call is closed that was carried out.
    CutAfter,
}

impl How {
    pub const ALL: [Self; 5] = [
        Self::KilledAfter,
        Self::KilledAtLine,
        Self::KilledBefore,
        Self::CutAfter,
        Self::CutBefore,
    ];
}

/// At which call, or line of the journal, a run is disturbed; the first is 1.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub how: How,
    pub number: usize,
}

impl Point {
    /// The point at a part of a run: so many of so many.
    pub fn at(how: How, (part, of): (usize, usize), calls: usize, lines: usize) -> Self {
        let count = if how == How::KilledAtLine { lines } else { calls };
        Self { how, number: count * part / of + 1 }
    }

    /// What the server is told, if it is told anything.
    pub fn arguments(&self) -> Vec<String> {
        let lose = |when: &str| format!("--lose={when}:{}", self.number);
        match self.how {
            How::KilledBefore => vec![lose("before"), "--silently".into()],
            How::KilledAfter => vec![lose("after"), "--silently".into()],
            How::CutBefore => vec![lose("before")],
            How::CutAfter => vec![lose("after")],
            How::KilledAtLine => vec![],
        }
    }

    /// Whether it is reached, when the server has lost a call or not and the journal has so many
    /// lines.
    pub fn is_reached(&self, lost: bool, lines: usize) -> bool {
        if self.how == How::KilledAtLine { lines >= self.number } else { lost }
    }

    /// Whether the run is killed there.
    pub fn kills(&self) -> bool {
        !matches!(self.how, How::CutBefore | How::CutAfter)
    }
}
