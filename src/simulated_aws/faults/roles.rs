//! Roles that IAM shows before it can say what they are called (aws-behaviour 9.c, 31.7).

use super::{Fault, Scene};
use crate::simulated_aws::endpoint::Verdict;
use crate::simulated_aws::wire::Answer;

/// Shows the unique id of a role where its ARN belongs.
#[derive(Clone, Copy, Debug)]
pub struct UnresolvedRoles {
    /// How many of the next reads of a role.
    pub left: usize,
}

impl Fault for UnresolvedRoles {
    fn after(&mut self, scene: &mut Scene<'_>, answer: &Answer) -> Verdict {
        let (Ok(answer), "GetRole", 1..) = (answer, scene.call.operation.as_str(), self.left)
        else {
            return Verdict::Pass;
        };
        self.left -= 1;
        let mut shown = answer.clone();
        shown["Role"]["Arn"] = shown["Role"]["RoleId"].clone();
        Verdict::Answer(shown)
    }
}
