//! What the account may have (aws-behaviour 28).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::page::page;

/// The quotas of an account in a region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quotas {
    /// Application load balancers in the region.
    pub load_balancers: usize,
    /// Target groups in the region.
    pub target_groups: usize,
    /// Listeners of a load balancer.
    pub listeners_per_load_balancer: usize,
    /// Rules of all its listeners, without their default actions.
    pub rules_per_load_balancer: usize,
    /// Target groups that a load balancer forwards to.
    pub target_groups_per_load_balancer: usize,
    /// Target groups of one action.
    pub target_groups_per_action: usize,
    /// Targets of a target group.
    pub targets_per_target_group: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            load_balancers: 50,
            target_groups: 3000,
            listeners_per_load_balancer: 50,
            rules_per_load_balancer: 100,
            target_groups_per_load_balancer: 100,
            target_groups_per_action: 5,
            targets_per_target_group: 1000,
        }
    }
}

/// Refuses with `code` to have one more where there are `present` already.
pub fn room_for_one_more(present: usize, most: usize, code: &str) -> Result<(), ApiError> {
    within(present + 1, most, code)
}

/// Refuses with `code` to have more than `most`.
pub fn within(count: usize, most: usize, code: &str) -> Result<(), ApiError> {
    if count > most {
        return Err(ApiError::new(code, format!("The limit of '{most}' has been reached")));
    }
    Ok(())
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let quotas = &cloud.elb.quotas;
    let mut limits = [
        ("application-load-balancers", quotas.load_balancers),
        ("listeners-per-application-load-balancer", quotas.listeners_per_load_balancer),
        ("rules-per-application-load-balancer", quotas.rules_per_load_balancer),
        ("target-groups", quotas.target_groups),
        ("target-groups-per-action-on-application-load-balancer", quotas.target_groups_per_action),
        ("target-groups-per-application-load-balancer", quotas.target_groups_per_load_balancer),
        ("targets-per-target-group", quotas.targets_per_target_group),
    ];
    limits.sort_unstable();
    page(request, "Limits", limits.map(|(name, most)| (name.to_owned(), limit(name, most))).into())
}

fn limit(name: &str, most: usize) -> Value {
    json!({"Name": name, "Max": most.to_string()})
}
