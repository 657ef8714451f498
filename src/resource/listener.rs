//! A listener: a port of the load balancer, and the target group that its requests go to.

use serde::{Deserialize, Serialize};

use super::load_balancer::LoadBalancerArn;
use super::reference::text_newtypes;
use super::target_group::TargetGroupArn;
use super::{Handle, Input};

text_newtypes! {
    /// `arn:aws:elasticloadbalancing:…:listener/app/<name>/<balancer's id>/<id>`.
    ListenerArn,
}

/// What is wanted of a listener: HTTP, all of it forwarded to one target group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The load balancer whose port it is.
    pub load_balancer: Input<LoadBalancerArn>,
    /// The port.
    pub port: u16,
    /// Where requests go.
    pub target_group: Input<TargetGroupArn>,
}

/// What is known of a listener once it exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// Its ARN.
    pub arn: ListenerArn,
}

impl Handle<Listener> {
    /// The listener's ARN.
    pub fn arn(&self) -> Input<ListenerArn> {
        self.output("arn")
    }
}
