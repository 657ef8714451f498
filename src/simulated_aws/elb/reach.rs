//! What a request through a load balancer is answered with.

use std::net::Ipv4Addr;

use super::super::cloud::Cloud;
use super::action::{Action, ActionKind};
use super::listener::{self, Listener};
use super::target::{Target, TargetAnswer, TargetState};
use super::target_group::TargetGroup;
use super::{Elb, passage};

/// Where requests from outside come from: an address of the block for documentation.
const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The status that a plain `GET http://<dns_name><path>` gets from outside the VPC.
///
/// `None` when the name belongs to no load balancer, when that one is internal or not active,
/// when its security groups do not let 192.0.2.1 in, or when nothing listens on port 80.
/// `dns_name` may carry another port: `name:8080`.
///
/// A target that answers its health checks with some status answers other paths with 200: what a
/// container serves beyond the path that is checked is its own affair.
#[must_use]
pub fn answer_through(cloud: &Cloud, dns_name: &str, path: &str) -> Option<u16> {
    let (host, port) = match dns_name.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (dns_name, 80),
    };
    let elb = &cloud.elb;
    let mut balancers = elb.load_balancers.values();
    let balancer = balancers.find(|balancer| balancer.dns_name.eq_ignore_ascii_case(host))?;
    let works = balancer.failed.is_none() && cloud.now >= balancer.active;
    if !balancer.is_internet_facing() || !works {
        return None;
    }
    if !passage::lets_in(cloud, balancer, SOMEWHERE, port) {
        return None;
    }
    let listener = listener::on_port(elb, &balancer.arn, port)?;
    let path = path.split('?').next().unwrap_or_default();
    Some(match &action_for(elb, listener, host, path).kind {
        ActionKind::FixedResponse { status, .. } => *status,
        ActionKind::Redirect(redirect) => redirect.status,
        ActionKind::Forward { groups, .. } => {
            let mut weighty = groups.iter().filter(|group| group.weight > 0);
            let group = weighty.next().and_then(|group| elb.target_groups.get(&group.arn));
            group.map_or(503, |group| forwarded(cloud, group, path))
        }
    })
}

fn action_for<'a>(elb: &'a Elb, listener: &'a Listener, host: &str, path: &str) -> &'a Action {
    let rules = elb
        .rules_of(&listener.arn)
        .filter(|rule| rule.conditions.iter().all(|condition| condition.holds(host, path)));
    rules.min_by_key(|rule| rule.priority).map_or(&listener.action, |rule| &rule.action)
}

/// What a target of the group answers. A group of unhealthy targets alone is sent requests all the
/// same, as the user guide says of load balancers that fail open.
fn forwarded(cloud: &Cloud, group: &TargetGroup, path: &str) -> u16 {
    let in_state = |state: TargetState| move |target: &&Target| target.state == state;
    let healthy = group.targets.iter().find(in_state(TargetState::Healthy));
    let any = healthy.or_else(|| group.targets.iter().find(in_state(TargetState::Unhealthy)));
    let reaches = |target: &&Target| passage::reaches(cloud, group, target, target.port);
    if any.is_some_and(|target| !reaches(&target)) {
        return 504;
    }
    match any.map(|target| target.answer) {
        Some(TargetAnswer::Status(status)) if path == group.health_check.path => status,
        Some(TargetAnswer::Status(_)) => 200,
        Some(TargetAnswer::Refused) => 502,
        Some(TargetAnswer::TimesOut) => 504,
        None => 503,
    }
}
