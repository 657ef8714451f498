//! A state that was lost, found again: the stack's resources by its tags and names.
//!
//! The rule: what is found is taken only when it carries this stack's tags. What merely has its
//! names is somebody else's, is told, and stays untouched. Nothing is written here, and nothing
//! in AWS is changed.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::aws::{Aws, AwsError, Operation, OwnershipTags, Tags, is_owned};
use crate::config::Config;
use crate::deployment::{DrawingError, zones};
use crate::graph::Node;
use crate::names;
use crate::resource::kind::KindError;
use crate::resource::reference::resolve;
use crate::resource::{Address, Found, Identity, Kind, SoughtValue};
use crate::stack;
use crate::state::{Record, Replaced, State, physical_id};

/// How often a name may have been used up by replacements: a replacement's name carries its
/// number, and only AWS knows which is the last.
const GENERATIONS: u32 = 16;

/// What was found of a stack.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The state with everything that was found.
    pub state: State,
    /// What was not recorded before, with its ids.
    pub found: Vec<(Address, String)>,
    /// What the configuration declares and AWS does not have.
    pub missing: Vec<Address>,
    /// What has the stack's names and is not its own.
    pub foreign: Vec<(Address, String)>,
}

/// Looks for everything that `config` declares and `state` does not record.
///
/// References are resolved along the way, since much is looked for where it must be: a subnet in
/// its network, a listener at its load balancer.
///
/// # Errors
///
/// [`DrawingError`] when a read fails, or the subnets can't be placed.
pub async fn recover(aws: &Aws, config: &Config, state: State) -> Result<Recovery, DrawingError> {
    let subnets = subnets(aws, &state).await?;
    let mut placed = state.clone();
    placed.resources.extend(subnets.clone());
    let zones = zones(aws, config, &placed).await?;
    let placement = stack::place(&config.network, &config.region, &zones, Some(&placed))?;
    let graph = stack::build(config, &placement);
    let mut search = Search {
        aws,
        user: &config.tags,
        recovery: Recovery { state, found: vec![], missing: vec![], foreign: vec![] },
    };
    for node in graph.nodes() {
        search.node(node).await?;
    }
    search.undeclared(subnets);
    search.protection().await?;
    Ok(search.recovery)
}

struct Search<'a> {
    aws: &'a Aws,
    user: &'a Tags,
    recovery: Recovery,
}

impl Search<'_> {
    async fn node(&mut self, node: &Node) -> Result<(), KindError> {
        let state = &self.recovery.state;
        let address = &node.address;
        if state.resources.contains_key(address) || state.in_doubt.contains_key(address) {
            return Ok(());
        }
        let spec = resolve(&node.spec, &|reference| {
            state.resources.get(&reference.address)?.outputs.get(&reference.output).cloned()
        });
        let spec = address.kind().canonical(&spec)?;
        let mut own = Vec::new();
        for (generation, identity, found) in self.look(node, &spec).await? {
            let id = physical_id(&found.outputs);
            if is_owned(&found.tags, &identity.tags) {
                own.push(self.record(node, generation, identity, found.outputs, &spec).await?);
            } else {
                self.recovery.foreign.push((address.clone(), id));
            }
        }
        self.take(address, own);
        Ok(())
    }

    /// What has the names that the resource may have, or its tags; in order of generations.
    async fn look(
        &self,
        node: &Node,
        spec: &Value,
    ) -> Result<Vec<(u32, Identity, Found<Value>)>, KindError> {
        let (kind, state) = (node.address.kind(), &self.recovery.state);
        let facts = kind.facts();
        let is_renamed = facts.naming.is_some() && !facts.fixed.is_empty();
        let generations = if is_renamed { GENERATIONS } else { 1 };
        let looks = (0..generations).map(|generation| async move {
            let identity = names::identity(node, state, self.user, generation);
            let found = kind.find(self.aws, spec, &identity).await?;
            Ok::<_, KindError>(found.map(|found| (generation, identity, found)))
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().collect())
    }

    /// What is to be recorded of a resource: what it is now counts as what was last applied.
    async fn record(
        &self,
        node: &Node,
        generation: u32,
        identity: Identity,
        outputs: Value,
        spec: &Value,
    ) -> Result<Record, KindError> {
        let kind = node.address.kind();
        let sought = SoughtValue {
            address: node.address.clone(),
            outputs: outputs.clone(),
            // A kind reads what can be said in several ways as it is declared.
            applied: spec.clone(),
        };
        let live = kind.read(self.aws, &[sought]).await?.pop().flatten();
        Ok(Record {
            configured: live.is_some(),
            type_name: kind.facts().type_name.into(),
            id: physical_id(&outputs),
            identity,
            generation,
            outputs,
            applied: live.map_or(Value::Null, |live| live.spec),
            needs: node.waits.iter().map(|wait| wait.on.clone()).collect(),
            ready: false,
        })
    }

    /// Records the last of an address's generations; those before it are still to be removed.
    fn take(&mut self, address: &Address, mut own: Vec<Record>) {
        let Some(last) = own.pop() else {
            self.recovery.missing.push(address.clone());
            return;
        };
        let Recovery { state, found, .. } = &mut self.recovery;
        for record in own {
            found.push((address.clone(), record.id.clone()));
            state.replaced.push(Replaced { address: address.clone(), record });
        }
        found.push((address.clone(), last.id.clone()));
        state.resources.insert(address.clone(), last);
    }

    /// Records the stack's subnets that the configuration no longer declares, so that they go.
    fn undeclared(&mut self, subnets: BTreeMap<Address, Record>) {
        let Recovery { state, found, .. } = &mut self.recovery;
        let recorded: BTreeSet<String> =
            state.resources.values().map(|record| record.id.clone()).collect();
        for (address, record) in subnets {
            if !recorded.contains(&record.id) && !state.resources.contains_key(&address) {
                found.push((address.clone(), record.id.clone()));
                state.resources.insert(address, record);
            }
        }
    }

    /// Keeps the stack protected if it was: its load balancer says so.
    async fn protection(&mut self) -> Result<(), KindError> {
        let balancers = self.recovery.state.resources.iter();
        let sought: Vec<SoughtValue> = balancers
            .filter(|(address, _)| address.kind() == Kind::LoadBalancer)
            .map(|(address, record)| SoughtValue {
                address: address.clone(),
                outputs: record.outputs.clone(),
                applied: record.applied.clone(),
            })
            .collect();
        let live = Kind::LoadBalancer.read(self.aws, &sought).await?;
        let is_protected =
            live.iter().flatten().any(|live| live.spec["deletion_protection"] == json!(true));
        self.recovery.state.protected |= is_protected;
        Ok(())
    }
}

/// The stack's subnets by its tags, declared or not: where they are is how the stack was placed.
async fn subnets(aws: &Aws, state: &State) -> Result<BTreeMap<Address, Record>, DrawingError> {
    let tagged = tagged_subnets(aws, state).await?;
    let sought: Vec<SoughtValue> = tagged
        .iter()
        .map(|(address, id)| SoughtValue {
            address: address.clone(),
            outputs: json!({"id": id}),
            applied: Value::Null,
        })
        .collect();
    let live = Kind::Subnet.read(aws, &sought).await?;
    let network = Address::new(Kind::Vpc, "main");
    let records = sought.into_iter().zip(live).filter_map(|(sought, live)| {
        let live = live?;
        let record = Record {
            type_name: Kind::Subnet.facts().type_name.into(),
            id: physical_id(&live.outputs),
            identity: Identity {
                name: live.tags.get("Name").cloned().unwrap_or_default(),
                token: String::new(),
                tags: live.tags,
            },
            generation: 0,
            outputs: live.outputs,
            applied: live.spec,
            needs: BTreeSet::from([network.clone()]),
            ready: false,
            configured: true,
        };
        Some((sought.address, record))
    });
    Ok(records.collect())
}

async fn tagged_subnets(aws: &Aws, state: &State) -> Result<Vec<(Address, String)>, AwsError> {
    const DESCRIBE: Operation = Operation::new("ec2:DescribeSubnets");
    let filter = |key: &str, value: &str| {
        aws_sdk_ec2::types::Filter::builder().name(format!("tag:{key}")).values(value).build()
    };
    let mut tagged = Vec::new();
    let mut token = None;
    loop {
        let send = || {
            let request = aws.ec2().describe_subnets();
            let request = request.filters(filter(OwnershipTags::STACK, &state.stack));
            let request = request.filters(filter(OwnershipTags::ENVIRONMENT, &state.environment));
            request.max_results(1000).set_next_token(token.clone()).send()
        };
        let page = aws.call(DESCRIBE, send).await?;
        for subnet in page.subnets.unwrap_or_default() {
            let tags = subnet.tags().iter();
            let address = tags
                .filter(|tag| tag.key() == Some(OwnershipTags::ADDRESS))
                .find_map(|tag| tag.value()?.parse::<Address>().ok());
            let address = address.filter(|address| address.kind() == Kind::Subnet);
            tagged.extend(address.zip(subnet.subnet_id().map(str::to_owned)));
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(tagged);
        }
    }
}
