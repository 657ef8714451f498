//! A death, and then the state is lost as well: what was made is found by its tags and names.

use std::sync::Arc;

use provision::recover::recover;
use provision::state::State;
use provision::state::store::{Directory, DirectoryWriter};

use crate::death::{Death, MOURNING};
use crate::matrix::{Case, Scenario, first, one_in, try_all};
use crate::world::{
    ENVIRONMENT, Files, InFlight, Remains, STACK, World, holder, in_paused_time, new_state, said,
};

impl World {
    /// What `provision recover` does: finds what there is, and records it.
    async fn recover(&self, scenario: &Scenario) -> Result<(), String> {
        let lineage = "11111111-1111-1111-1111-111111111111".to_owned();
        let blank = State { lineage, ..new_state() };
        let config = scenario.config.clone().unwrap_or_else(first);
        let recovery = recover(&self.aws(InFlight::Lost), &config, blank).await;
        let recovery = recovery.map_err(|error| said(&error))?;
        if !recovery.foreign.is_empty() {
            return Err(format!("taken for somebody else's: {:?}", recovery.foreign));
        }
        if recovery.found.is_empty() {
            return Ok(());
        }
        let lock = Directory::new(self.path()).lock(STACK, ENVIRONMENT, &holder()).unwrap();
        lock.begin(recovery.state)
            .and_then(DirectoryWriter::finish)
            .map(drop)
            .map_err(|error| said(&error))
    }
}

impl Scenario {
    fn is_found_again(&self, left: Remains) -> Result<(), String> {
        in_paused_time(async {
            let world = World::of(Remains { files: Files::new(), ..left });
            tokio::time::sleep(MOURNING).await;
            world.recover(self).await.map_err(|error| format!("recovering: {error}"))?;
            world.run(self.command(), &Death::Never).await?;
            self.is_done(&world).await
        })
    }

    /// Loses the state after some deaths, and goes on from what is found.
    fn is_found_again_everywhere(self: &Arc<Self>, sample: usize) {
        let tried = try_all(|cases| {
            let (scenario, sample) = (Arc::clone(self), one_in(sample));
            self.each_distinct_death(move |count, death, left| {
                if count % sample == 0 {
                    let scenario = Arc::clone(&scenario);
                    let holds = move || scenario.is_found_again(left);
                    cases.send(Case::new(format!("{death:?}"), holds)).unwrap();
                }
            });
        });
        eprintln!("{}: {tried} deaths survived after which the state was lost too", self.name);
    }
}

#[test]
fn an_up_whose_state_is_lost_is_found_again() {
    Scenario::up().is_found_again_everywhere(50);
}

#[test]
fn a_replacement_whose_state_is_lost_is_found_again() {
    Scenario::other_port().is_found_again_everywhere(25);
    Scenario::other_network().is_found_again_everywhere(100);
}

#[test]
fn a_down_whose_state_is_lost_is_found_again() {
    Scenario::down().is_found_again_everywhere(50);
}
