//! A state that was lost, found again: the stack's resources by its tags and names.
//!
//! The rule: what is found is taken only when it carries this stack's tags. What merely has its
//! names is somebody else's, is told, and stays untouched. Nothing is written here, and nothing
//! in AWS is changed.

mod census;

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
use crate::resource::{Address, Found, Identity, Kind, LiveValue, Place, Readiness, SoughtValue};
use crate::stack;
use crate::state::{Record, Replaced, State, physical_id};

use self::census::Candidate;

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
    placed.resources.extend(subnets);
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
    search.undeclared().await?;
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
            } else if !self.is_of_stack(&found.tags) {
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

    /// Records what carries the stack's tags and is not declared, so that it goes: the file may not
    /// be the one that the stack was built from.
    async fn undeclared(&mut self) -> Result<(), KindError> {
        let tagged = Box::pin(census::candidates(self.aws, &self.recovery.state)).await?;
        for (kind, live) in self.read(tagged).await? {
            if let Some(address) = self.tagged_address(kind, &live.tags) {
                self.take_undeclared(address, live);
            }
        }
        let scaling = census::scaling(self.aws, &self.recovery.state).await?;
        for (kind, live) in self.read(scaling).await? {
            if let Some(address) = self.scaling_address(kind, &live.outputs) {
                self.take_undeclared(address, live);
            }
        }
        Ok(())
    }

    /// Reads what may be the stack's own; in the order in which a stack needs it.
    async fn read(&self, candidates: Vec<Candidate>) -> Result<Vec<(Kind, LiveValue)>, KindError> {
        let state = &self.recovery.state;
        let place = Place {
            partition: self.aws.partition(),
            region: state.region.clone(),
            account: state.account.clone(),
        };
        let mut by_kind: BTreeMap<Kind, Vec<SoughtValue>> = BTreeMap::new();
        for (kind, id) in candidates {
            let Some(outputs) = kind.locate(&id, &place)? else { continue };
            let address = Address::new(kind, "undeclared");
            by_kind.entry(kind).or_default().push(SoughtValue {
                address,
                outputs,
                applied: Value::Null,
            });
        }
        let reads = by_kind.into_iter().map(async |(kind, sought)| {
            let live = kind.read(self.aws, &sought).await?;
            Ok::<_, KindError>(
                live.into_iter().flatten().map(|live| (kind, live)).collect::<Vec<_>>(),
            )
        });
        Ok(try_join_all(reads).await?.concat())
    }

    /// Where something stands in the stack, if its tags say that it does.
    fn tagged_address(&self, kind: Kind, tags: &Tags) -> Option<Address> {
        let address: Address = tags.get(OwnershipTags::ADDRESS)?.parse().ok()?;
        (self.is_of_stack(tags) && address.kind() == kind).then_some(address)
    }

    /// Whether something is the stack's own, at whatever address.
    fn is_of_stack(&self, tags: &Tags) -> bool {
        let state = &self.recovery.state;
        tags.get(OwnershipTags::STACK) == Some(&state.stack)
            && tags.get(OwnershipTags::ENVIRONMENT) == Some(&state.environment)
    }

    /// Where what moves a service's count stands in the stack: it is named after the service.
    fn scaling_address(&self, kind: Kind, outputs: &Value) -> Option<Address> {
        let is_its = |record: &Record| record.outputs["scaling_id"] == outputs["service"];
        let mut services = self.recovery.state.resources.iter();
        let (service, _) = services.find(|(_, record)| is_its(record))?;
        let metric = outputs["name"].as_str().and_then(|name| name.rsplit('-').next());
        let name = match metric {
            Some(metric) if kind == Kind::ScalingPolicy => format!("{}-{metric}", service.name()),
            _ => service.name().to_owned(),
        };
        Some(Address::new(kind, &name))
    }

    /// Records something at its address; where that is taken by another, it is still to be removed.
    fn take_undeclared(&mut self, address: Address, live: LiveValue) {
        let Recovery { state, found, .. } = &mut self.recovery;
        let id = physical_id(&live.outputs);
        // What is only leaving is taken in, so that it is waited for: a gateway holds its address.
        let is_gone = live.readiness == Readiness::Absent;
        let replaced = state.replaced.iter().map(|old| &old.record);
        let is_known = state.resources.values().chain(replaced).any(|record| record.id == id);
        if is_gone || is_known || state.in_doubt.contains_key(&address) {
            return;
        }
        let mut record = record_of(&address, live, needs(&address, state));
        let taken = state.resources.get(&address).map(|record| record.generation);
        match taken {
            None => drop(state.resources.insert(address.clone(), record)),
            // What an update made anew is not kept beside its last: older ones are AWS's memory.
            Some(_) if !address.kind().facts().renewed.is_empty() => return,
            Some(generation) => {
                record.generation = state.next_generation(&address).max(generation + 1);
                state.replaced.push(Replaced { address: address.clone(), record });
            }
        }
        found.push((address, id));
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
    let records = sought.into_iter().zip(live).filter_map(|(sought, live)| {
        let needs = BTreeSet::new();
        Some((sought.address.clone(), record_of(&sought.address, live?, needs)))
    });
    Ok(records.collect())
}

/// What is to be recorded of something that is not declared.
fn record_of(address: &Address, live: LiveValue, needs: BTreeSet<Address>) -> Record {
    Record {
        type_name: address.kind().facts().type_name.into(),
        id: physical_id(&live.outputs),
        identity: Identity {
            name: live.tags.get("Name").cloned().unwrap_or_default(),
            token: String::new(),
            tags: live.tags,
        },
        generation: 0,
        outputs: live.outputs,
        applied: live.spec,
        needs,
        ready: false,
        configured: true,
    }
}

/// What something that is not declared may need: all that comes before it in the order in which a
/// stack needs its kinds. What truly needs what, only the file could say that it was built from.
fn needs(address: &Address, state: &State) -> BTreeSet<Address> {
    let replaced = state.replaced.iter().map(|old| &old.address);
    let all = state.resources.keys().chain(replaced);
    all.filter(|other| other.kind() < address.kind()).cloned().collect()
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
