//! A state that was lost is found again, whole, and nothing of anybody else's with it.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use std::collections::{BTreeMap, BTreeSet};

use provision::aws::Tags;
use provision::deployment::{DrawingError, draw};
use provision::plan::{Action, PlanError};
use provision::recover::{Recovery, recover};
use provision::resource::{Address, Identity, Kind};
use provision::state::State;

use super::world::{FILE, World, config};

async fn recovered(world: &World, text: &str) -> Recovery {
    recover(&world.aws, &config(text), world.blank().await).await.unwrap()
}

/// Where everything stands, in which generation, by which name.
fn places(state: &State) -> BTreeMap<Address, (String, u32, String)> {
    let records = state.resources.iter();
    records
        .map(|(address, record)| {
            let name = record.identity.name.clone();
            (address.clone(), (record.id.clone(), record.generation, name))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_lost_state_is_found_whole_and_serves_to_go_on_and_to_go_down() {
    let world = World::new();
    let state = world.up(&config(FILE), world.blank().await).await;
    let changes = world.changes();
    let found = recovered(&world, FILE).await;
    assert_eq!(world.changes(), changes, "looking changes nothing");
    assert_eq!(places(&found.state), places(&state));
    assert_eq!((found.missing, found.foreign), (vec![], vec![]));
    for (address, record) in &found.state.resources {
        assert_eq!(record.outputs, state.resources[address].outputs, "{address}");
        assert_eq!(record.needs, state.resources[address].needs, "{address}");
    }

    let plan = world.plan(&config(FILE), &found.state).await;
    assert!(plan.is_empty(), "{:#?}", plan.changes().collect::<Vec<_>>());
    let state = world.carry_out(&plan, found.state).await;
    assert!(world.plan(&config(FILE), &state).await.is_empty());

    let again = recovered(&world, FILE).await.state;
    assert!(world.down(again).await.is_empty());
    let left = recovered(&world, FILE).await;
    assert!(left.found.is_empty(), "{:?}", left.found);
}

#[tokio::test(start_paused = true)]
async fn what_was_replaced_is_found_under_its_later_name() {
    let world = World::new();
    let state = world.up(&config(FILE), world.blank().await).await;
    let other = format!("{FILE}\n[network]\ncidr = \"10.1.0.0/16\"\n");
    let state = world.up(&config(&other), state).await;
    let group: Address = "target_group.app".parse().unwrap();
    assert_eq!(state.resources[&group].generation, 1);
    // Only a name tells of a generation.
    let found = recovered(&world, &other).await.state;
    assert_eq!(places(&found)[&group], places(&state)[&group]);
}

#[tokio::test(start_paused = true)]
async fn subnets_that_are_no_longer_declared_are_found_and_go() {
    let world = World::new();
    let three = format!("{FILE}\n[network]\nzones = 3\n");
    let state = world.up(&config(&three), world.blank().await).await;
    let found = recovered(&world, FILE).await.state;
    let subnets = |state: &State| {
        let all = state.resources.iter().filter(|(address, _)| address.kind() == Kind::Subnet);
        all.map(|(address, record)| (address.clone(), record.id.clone())).collect::<Vec<_>>()
    };
    assert_eq!(subnets(&found), subnets(&state));
    let plan = world.plan(&config(FILE), &found).await;
    let deleted = plan.changes().filter(|planned| planned.action == Action::Delete).count();
    assert_eq!(deleted, 2);
}

/// Every id that is recorded.
fn ids(state: &State) -> BTreeSet<String> {
    state.resources.values().map(|record| record.id.clone()).collect()
}

/// The file that the stack was built from may be lost with its state, or have gone on changing.
#[tokio::test(start_paused = true)]
async fn whatever_carries_the_stacks_tags_is_found_whether_or_not_it_is_declared() {
    let built = FILE.replace("cpu = 60", "cpu = 60\nmemory = 70\nrequests_per_target = 500");
    let built = format!(
        "{built}\n[drift]\nschedule = \"rate(1 day)\"\nimage = \"acme/provision:1\"\n\
         [state]\nbucket = \"acme-states\"\n"
    );
    let renamed = "name = \"web\"\nregion = \"eu-west-1\"\n[network]\nnat = \"none\"\n\
        [services.other]\nimage = \"ghcr.io/example/other:1\"\nport = 9000\n";
    let world = World::new();
    let state = world.up(&config(&built), world.blank().await).await;
    let changes = world.changes();
    let found = recovered(&world, renamed).await;
    assert_eq!(world.changes(), changes, "looking changes nothing");
    assert_eq!(ids(&found.state), ids(&state));
    assert!(found.state.resources.keys().eq(state.resources.keys()));
    assert_eq!((found.state.replaced, found.foreign), (vec![], vec![]));
    let kinds: BTreeSet<Kind> = found.state.resources.keys().map(Address::kind).collect();
    assert_eq!(kinds.len(), Kind::ALL.len(), "not every kind is tried: {kinds:?}");

    let found = recovered(&world, renamed).await.state;
    assert!(world.down(found).await.is_empty());
    let left = recovered(&world, &built).await.found;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_found_and_not_declared_goes_with_the_next_up() {
    let smaller = "name = \"web\"\nregion = \"eu-west-1\"\n\
        [services.app]\nimage = \"ghcr.io/example/app:1\"\nport = 8000\n";
    let built = format!("{FILE}\n[network]\nnat = \"per-zone\"\n");
    let world = World::new();
    world.up(&config(&built), world.blank().await).await;
    let found = recovered(&world, smaller).await.state;
    let state = world.up(&config(smaller), found.clone()).await;
    assert!(world.plan(&config(smaller), &state).await.is_empty());
    let gone: Vec<Kind> = found
        .resources
        .keys()
        .filter(|address| !state.resources.contains_key(address))
        .map(Address::kind)
        .collect();
    for kind in [Kind::NatGateway, Kind::ElasticIp, Kind::ScalableTarget, Kind::ScalingPolicy] {
        assert!(gone.contains(&kind), "{kind:?} is not among {gone:?}");
    }
    assert_eq!(ids(&recovered(&world, &built).await.state), ids(&state), "nothing else is left");
}

/// Two of one address are what a replacement leaves that was cut off: both are the stack's.
#[tokio::test(start_paused = true)]
async fn a_second_one_at_an_address_is_found_and_goes() {
    let world = World::new();
    let state = world.up(&config(FILE), world.blank().await).await;
    let graph = provision::deployment::graph_of(&world.aws, &config(FILE), &state).await.unwrap();
    let vpc = graph.nodes().iter().find(|node| node.address.kind() == Kind::Vpc).unwrap();
    let identity = state.resources[&vpc.address].identity.clone();
    Kind::Vpc.create(&world.aws, &vpc.spec, &identity).await.unwrap();
    let found = recovered(&world, FILE).await.state;
    assert_eq!(found.replaced.len(), 1);
    assert_eq!(found.replaced[0].address, vpc.address);
    let state = world.up(&config(FILE), found).await;
    assert!(state.replaced.is_empty());
    assert_eq!(recovered(&world, FILE).await.state.replaced, []);
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_is_not_taken_twice() {
    let world = World::new();
    let mut state = world.up(&config(FILE), world.blank().await).await;
    let lost: Address = "load_balancer.main".parse().unwrap();
    state.forget(&lost).unwrap();
    let found = recover(&world.aws, &config(FILE), state.clone()).await.unwrap();
    assert_eq!(found.found.len(), 1);
    assert_eq!(found.found[0].0, lost);
    let refused = draw(&world.aws, &config(FILE), &state).await.unwrap_err();
    let DrawingError::Obstacles(obstacles) = refused else { panic!("{refused}") };
    assert!(matches!(&obstacles[..], [PlanError::LostState { found }] if found[0].0 == lost));
}

/// Makes everything in an account that is not ours and has the names of what is, as far as two
/// can have one name.
async fn strangers(world: &World, text: &str) -> usize {
    let state = world.blank().await;
    let graph = provision::deployment::graph_of(&world.aws, &config(text), &state).await.unwrap();
    let mut made = 0;
    for node in graph.nodes() {
        let kind = node.address.kind();
        let is_alone = matches!(
            kind,
            Kind::Vpc | Kind::Role | Kind::LogGroup | Kind::Cluster | Kind::ElasticIp
        );
        if !is_alone {
            continue;
        }
        let ours = provision::names::prospective_identity(node, &state, &Tags::new());
        // As another tool's stack of the same name would have it.
        let tags = ours.tags.clone().into_iter();
        let tags = tags.map(|(key, value)| (key, value.replace("web", "theirs"))).collect();
        let identity = Identity { tags, ..ours };
        kind.create(&world.aws, &node.spec, &identity).await.unwrap();
        made += 1;
    }
    made
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_stranger_with_our_names_is_taken() {
    let world = World::new();
    let made = strangers(&world, FILE).await;
    assert!(made > 4);
    let changes = world.changes();
    let found = recovered(&world, FILE).await;
    assert!(found.found.is_empty() && found.state.is_empty(), "{:?}", found.found);
    let kinds: Vec<Kind> = found.foreign.iter().map(|(address, _)| address.kind()).collect();
    assert!(kinds.contains(&Kind::Role) && kinds.contains(&Kind::LogGroup));
    assert!(draw(&world.aws, &config(FILE), &world.blank().await).await.is_err());
    assert_eq!(world.changes(), changes);
}

#[tokio::test(start_paused = true)]
async fn another_environment_of_the_same_stack_is_a_stranger_too() {
    let world = World::new();
    world.up(&config(FILE), world.blank().await).await;
    let account = world.aws.account().await.unwrap();
    let other = State::new("web", "prod", account, "eu-west-1");
    let found = recover(&world.aws, &config(FILE), other).await.unwrap();
    assert!(found.found.is_empty() && found.foreign.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stack_whose_balancer_is_locked_is_found_protected() {
    let world = World::new();
    let protected = format!("protect = true\n{FILE}");
    world.up(&config(&protected), world.blank().await).await;
    assert!(recovered(&world, FILE).await.state.protected);
}
