//! What a stack is, as its user describes it: the whole, its network, its cluster.
//!
//! The rule: these types are resolved. Every default is filled in, every layer is merged, and
//! every value has passed its checks; nobody behind them asks again.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::drift::Drift;
use super::service::Service;
use super::state::State;
use super::timeouts::{KINDS, Timeout};
use super::values;

/// A stack for one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The stack's name: lowercase letters, digits and hyphens, beginning with a letter. With the
    /// environment it makes up the names of all that is created: `{name}-{environment}`.
    pub name: String,
    /// The environment that was asked for on the command line.
    #[serde(skip)]
    pub environment: String,
    /// The AWS region that everything is created in, such as `eu-west-1`. May be left out where
    /// `--region` or the environment gives one.
    pub region: String,
    /// The stack's own network.
    #[serde(default)]
    pub network: Network,
    /// The ECS cluster.
    #[serde(default)]
    pub cluster: Cluster,
    /// The services, by name. One, for now.
    #[serde(default)]
    pub services: BTreeMap<String, Service>,
    /// Tags that every resource carries besides those that mark it as the stack's own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// What a check for drift tells.
    #[serde(default)]
    pub drift: Drift,
    /// Where the state is kept.
    #[serde(default)]
    pub state: State,
    /// Whether the stack refuses to be taken down or to lose anything that can't be made again,
    /// until this is set to `false`.
    #[serde(default)]
    pub protect: bool,
    /// How long is waited for resources, by kind, where it is other than usual.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "enum": KINDS }))]
    pub timeouts: BTreeMap<String, Timeout>,
}

impl Config {
    /// A configuration that declares nothing, for where no file is: it says of which stack, and what
    /// to make of its drift.
    pub fn bare(name: String, environment: String, region: String, drift: Drift) -> Self {
        Self {
            name,
            environment,
            region,
            network: Network::default(),
            cluster: Cluster::default(),
            services: BTreeMap::new(),
            tags: BTreeMap::new(),
            drift,
            state: State::default(),
            protect: false,
            timeouts: BTreeMap::new(),
        }
    }
}

/// The stack's network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// The VPC's addresses as a CIDR block, between `/16` and `/28`.
    #[serde(deserialize_with = "values::cidr")]
    #[schemars(with = "String")]
    pub cidr: Ipv4Net,
    /// The availability zones to spread over: how many (2 to 6), or a list of their names.
    pub zones: Zones,
    /// The NAT gateways through which tasks reach the internet: `single` (one for all zones),
    /// `per-zone` (one in each, so that a zone's failure stays there), or `none`.
    pub nat: Nat,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            cidr: Ipv4Net::new_assert([10, 0, 0, 0].into(), 16),
            zones: Zones::Count(2),
            nat: Nat::Single,
        }
    }
}

/// The availability zones to spread over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Zones {
    /// So many of the region's zones, in the order of their names.
    Count(#[schemars(range(min = 2, max = 6))] u8),
    /// Exactly these.
    Named(Vec<String>),
}

impl Zones {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Count(count) => usize::from(*count),
            Self::Named(names) => names.len(),
        }
    }
}

/// The NAT gateways of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// One, in the first zone, for all.
    Single,
    /// One in each zone.
    PerZone,
    /// None: tasks reach nothing outside the network.
    None,
}

/// The ECS cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cluster {
    /// How closely CloudWatch Container Insights watches: `enabled`, `enhanced` (down to single
    /// containers, at a higher price), or `disabled`.
    pub container_insights: Insights,
}

/// How closely CloudWatch Container Insights watches a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Insights {
    /// Metrics of the cluster and its services.
    #[default]
    Enabled,
    /// Metrics down to tasks and containers.
    Enhanced,
    /// None.
    Disabled,
}
