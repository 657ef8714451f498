//! An existing resource is taken in on request, and nothing is changed until the next `up`.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use provision::import::{ImportError, import};
use provision::plan::Action;
use provision::resource::{Address, Kind, Place, SoughtValue};
use provision::state::State;
use serde_json::Value;

use super::world::{FILE, World, config};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Makes a network that is nobody's, and gives its id.
async fn network(world: &World, cidr: &str) -> String {
    let made = world.aws.ec2().create_vpc().cidr_block(cidr).send().await.unwrap();
    made.vpc.unwrap().vpc_id.unwrap()
}

/// Makes a cluster of somebody's, and gives its name.
async fn cluster(world: &World, name: &str) -> String {
    let team = aws_sdk_ecs::types::Tag::builder().key("team").value("blue").build();
    let request = world.aws.ecs().create_cluster().cluster_name(name).tags(team);
    request.send().await.unwrap();
    name.to_owned()
}

/// Makes a log group that is nobody's, and gives its name.
async fn log_group(world: &World, name: &str) -> String {
    world.aws.logs().create_log_group().log_group_name(name).send().await.unwrap();
    name.to_owned()
}

async fn refused(world: &World, state: &State, at: &str, id: &str) -> ImportError {
    let changes = world.changes();
    let refused = import(&world.aws, &config(FILE), state, &address(at), id).await.unwrap_err();
    assert_eq!(world.changes(), changes);
    refused
}

#[tokio::test(start_paused = true)]
async fn whatever_a_stack_is_made_of_is_read_by_its_id_alone() {
    let world = World::new();
    let check = "[drift]\nschedule = \"rate(1 hour)\"\nimage = \"acme/provision:1\"\n";
    let everything = format!("{FILE}\n{check}\n[state]\nbucket = \"acme-states\"\n");
    let state = world.up(&config(&everything), world.blank().await).await;
    let place =
        Place { partition: "aws", region: "eu-west-1".into(), account: state.account.clone() };
    let mut kinds: Vec<Kind> = Vec::new();
    for (address, record) in &state.resources {
        let kind = address.kind();
        // What Application Auto Scaling itself calls it is another resource's name.
        let id = match kind {
            Kind::ScalableTarget => record.outputs["service"].as_str().unwrap(),
            _ => &record.id,
        };
        let outputs = kind.locate(id, &place).unwrap();
        let outputs = outputs.unwrap_or_else(|| panic!("{address} is not called {id}"));
        let sought = SoughtValue { address: address.clone(), outputs, applied: Value::Null };
        let live = kind.read(&world.aws, &[sought]).await.unwrap().remove(0);
        assert_eq!(live.expect("it is there").outputs, record.outputs, "{address}");
        kinds.push(kind);
    }
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, Kind::ALL, "every kind was tried");
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_in_is_tagged_and_changed_by_the_next_up_and_keeps_its_own_tags() {
    let world = World::new();
    let (at, blank) = (address("cluster.main"), world.blank().await);
    let id = cluster(&world, "shared").await;
    let changes = world.changes();
    let taken = import(&world.aws, &config(FILE), &blank, &at, &id).await.unwrap();
    assert_eq!(world.changes(), changes, "looking changes nothing");
    assert_eq!(taken.plan.resources.len(), 1);
    assert_eq!(taken.plan.resources[0].action, Action::Update);

    let state = world.up(&config(FILE), taken.state).await;
    assert!(state.resources[&at].id.ends_with(&id));
    assert!(world.plan(&config(FILE), &state).await.is_empty());
    let record = &state.resources[&at];
    let sought = SoughtValue {
        address: at.clone(),
        outputs: record.outputs.clone(),
        applied: record.applied.clone(),
    };
    let live = Kind::Cluster.read(&world.aws, &[sought]).await.unwrap().remove(0).unwrap();
    assert_eq!(live.tags["team"], "blue");
    assert_eq!(live.tags["provision:stack"], "web");
    assert!(world.down(state).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_would_be_replaced_is_not_taken_in() {
    let world = World::new();
    let id = network(&world, "192.168.0.0/16").await;
    let refused = refused(&world, &world.blank().await, "vpc.main", &id).await;
    let ImportError::Replaced { reason, .. } = refused else { panic!("{refused}") };
    assert!(reason.contains("`cidr`"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_not_declared_or_not_free_is_refused() {
    let world = World::new();
    let blank = world.blank().await;
    let id = log_group(&world, "/logs/other").await;
    let missing = refused(&world, &blank, "log_group.app", "/logs/none").await;
    assert!(matches!(missing, ImportError::NotThere { .. }), "{missing}");
    let no_id = refused(&world, &blank, "vpc.main", "subnet-0123").await;
    assert!(matches!(no_id, ImportError::NoId { .. }), "{no_id}");
    let undeclared = refused(&world, &blank, "log_group.none", &id).await;
    assert!(matches!(undeclared, ImportError::Undeclared { known, .. } if known.len() == 1));
    let at = address("log_group.app");
    let taken = import(&world.aws, &config(FILE), &blank, &at, &id).await.unwrap().state;
    let recorded = refused(&world, &taken, "log_group.app", &id).await;
    assert!(matches!(recorded, ImportError::Recorded { .. }), "{recorded}");
}

#[tokio::test(start_paused = true)]
async fn what_another_stack_has_is_not_taken_from_it() {
    let world = World::new();
    let theirs = world.up(&config(FILE), world.blank().await).await;
    let account = world.aws.account().await.unwrap();
    let ours = State::new("other", "dev", account, "eu-west-1");
    let text = FILE.replace("name = \"web\"", "name = \"other\"");
    for at in ["cluster.main", "vpc.main", "log_group.app"] {
        let id = &theirs.resources[&address(at)].id;
        let refused = import(&world.aws, &config(&text), &ours, &address(at), id).await;
        let refused = refused.unwrap_err();
        assert!(
            matches!(&refused, ImportError::Owned { owner, .. } if owner == "web-dev"),
            "{refused}"
        );
    }
    // Nor from another place in the same one.
    let mut moved = theirs.clone();
    moved.rename(&address("cluster.main"), &address("cluster.other")).unwrap();
    let id = moved.resources[&address("cluster.other")].id.clone();
    let refused = refused(&world, &moved, "cluster.main", &id).await;
    assert!(matches!(refused, ImportError::Elsewhere { .. }), "{refused}");
}
