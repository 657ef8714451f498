//! Calls that are lost by their number: for seeing what becomes of a caller that is cut off, or
//! dies, at one point of what it does.
//!
//! The rule: every other call passes, so the same caller can be told to go on.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::simulated_aws::endpoint::{Call, Interference, Verdict};
use crate::simulated_aws::wire::Answer;

/// Where a call is lost: `before:17` or `after:17`, counted from 1 since the server began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The call is not carried out.
    Before(usize),
    /// The call is carried out and not answered.
    After(usize),
}

/// No place where a call could be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a call is lost `before:17` or `after:17`, for example: the first is 1")]
pub struct NoLoss;

impl FromStr for Loss {
    type Err = NoLoss;

    fn from_str(text: &str) -> Result<Self, NoLoss> {
        let (side, number) = text.split_once(':').ok_or(NoLoss)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or(NoLoss)?;
        match side {
            "before" => Ok(Self::Before(number)),
            "after" => Ok(Self::After(number)),
            _ => Err(NoLoss),
        }
    }
}

/// What the caller of a lost call sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// The connection is closed.
    Closed,
    /// Nothing, for as long as it waits.
    Silence,
}

/// Loses calls, and tells of each.
pub struct Losing {
    losses: Vec<Loss>,
    sight: Sight,
    tell: Box<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for Losing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Losing").field("losses", &self.losses).finish_non_exhaustive()
    }
}

impl Losing {
    /// Loses calls where `losses` say, and tells of each in a line.
    pub fn new(
        losses: Vec<Loss>,
        sight: Sight,
        tell: impl Fn(&str) + Send + Sync + 'static,
    ) -> Self {
        Self { losses, sight, tell: Box::new(tell) }
    }

    fn judge(&self, loss: Loss, number: usize, call: &Call) -> Verdict {
        if !self.losses.contains(&loss) {
            return Verdict::Pass;
        }
        let done = match loss {
            Loss::Before(_) => "not carried out",
            Loss::After(_) => "carried out",
        };
        (self.tell)(&format!("lost call {number}, {}: {done}", call.operation));
        match self.sight {
            Sight::Closed => Verdict::Disconnect,
            Sight::Silence => Verdict::Silence,
        }
    }
}

impl Interference for Losing {
    fn before(&self, number: usize, call: &Call) -> Verdict {
        self.judge(Loss::Before(number), number, call)
    }

    fn after(&self, number: usize, call: &Call, _: &Answer) -> Verdict {
        self.judge(Loss::After(number), number, call)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::json;

    use super::*;
    use crate::simulated_aws::clock::Moment;
    use crate::simulated_aws::wire::Service;

    fn call() -> Call {
        Call {
            service: Service::Ec2,
            operation: "CreateVpc".into(),
            request: json!({}),
            arrived: Moment::default(),
            access_key: "key".into(),
            region: "eu-west-1".into(),
            user_agent: String::new(),
        }
    }

    #[test]
    fn a_place_is_read_as_it_is_written() {
        assert_eq!("before:17".parse(), Ok(Loss::Before(17)));
        assert_eq!("after:1".parse(), Ok(Loss::After(1)));
        for none in ["", "17", "before", "before:", "before:0", "before:-1", "after:x", "amid:3"] {
            assert_eq!(none.parse::<Loss>(), Err(NoLoss), "{none}");
        }
    }

    #[test]
    fn only_the_named_calls_are_lost_each_on_its_side_and_told() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let tell = move |line: &str| heard.lock().unwrap().push(line.to_owned());
        let losses = vec![Loss::Before(2), Loss::After(3)];
        let losing = Losing::new(losses, Sight::Closed, tell);
        let judged = |number| {
            [losing.before(number, &call()), losing.after(number, &call(), &Ok(json!({})))]
        };
        assert_eq!(judged(1), [Verdict::Pass, Verdict::Pass]);
        assert_eq!(judged(2), [Verdict::Disconnect, Verdict::Pass]);
        assert_eq!(judged(3), [Verdict::Pass, Verdict::Disconnect]);
        let lines =
            ["lost call 2, CreateVpc: not carried out", "lost call 3, CreateVpc: carried out"];
        assert_eq!(*told.lock().unwrap(), lines);
    }
}
