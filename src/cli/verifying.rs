//! The end of `up`: the load balancer is asked, as a user would ask it.

use serde_json::json;

use crate::report::json;
use crate::state::State;
use crate::verify::{Front, Verdict, verify};

use super::arguments::Following;
use super::connect::Cloud;
use super::context::Context;

/// Asks the load balancer for the health path and tells the answer. Whether the service answers;
/// it is taken to where it is not to be asked, or can't be from here.
pub async fn answers(
    context: &Context,
    following: Following,
    cloud: &Cloud,
    state: &State,
) -> bool {
    let Some(front) = Front::of(state) else { return true };
    if following.no_verify || following.no_wait {
        context.tell("The load balancer was not asked whether the service answers.");
        return true;
    }
    let Some(way) = &cloud.way else {
        context.tell(
            "The load balancer was not asked whether the service answers: AWS_ENDPOINT_URL puts \
             something in AWS's place, and its load balancers answer nothing.",
        );
        return true;
    };
    let verdict = verify(way, &front, *cloud.aws.pace()).await;
    tell(context, &front, &verdict);
    !matches!(verdict, Verdict::Unanswered(_))
}

fn tell(context: &Context, front: &Front, verdict: &Verdict) {
    let url = front.url();
    if context.global.json {
        let line = json!({"event": "verified", "url": url, "verdict": verdict});
        context.print(&json::line(&line));
        return;
    }
    context.tell(&match verdict {
        Verdict::Answered(status) => format!("{url} answers with {status}."),
        Verdict::OutOfReach(why) => format!(
            "{url} was not reached from here ({}). Not everybody may: `ingress` of the service says \
             who.",
            crate::report::clean(why)
        ),
        Verdict::Unanswered(why) => format!(
            "error: {url} does not answer as it should, though its deployment is complete: {}\n\
             hint: `provision status` shows how the service is; `--no-verify` leaves this out",
            crate::report::clean(why)
        ),
    });
}
