//! What a check needs: the reads, the check itself, and the repair.

#![expect(clippy::unwrap_used, reason = "what a test does not expect ends it")]

use provision::config::Config;
use provision::deployment::Seen;
use provision::drift::{self, Drift, Repair};
use provision::execute::extras::remove_extras;

use crate::harness::{Run, World, config};

/// A stack with everything that a configuration can bring about.
pub fn full() -> Config {
    config(
        "services.app.autoscaling = { min = 2, max = 6, cpu = 60, requests_per_target = 100 }
         services.app.environment.LEVEL = info
         services.app.secrets.KEY = arn:aws:ssm:us-east-1:123456789012:parameter/key
         services.app.task_policies.managed = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]
         services.app.spot = { base = 1 }
         drift.schedule = rate(1 hour)
         drift.image = acme/provision:1
         state.bucket = acme-states
         tags.team = blue",
    )
}

/// What a check of the stack finds.
pub async fn check(world: &World, config: &Config) -> Drift {
    examine(world, config).await.0
}

/// What a check of the stack finds, and what puts it back.
pub async fn examine(world: &World, config: &Config) -> (Drift, Repair) {
    let (aws, state) = (&world.aws, &world.memory.state);
    let seen = Seen::of(aws, config, state).await.unwrap();
    let drift = seen.check(state, &config.drift.ignore, jiff::civil::date(2026, 1, 1));
    let repair = drift::repair(&seen.subject(state), &drift).unwrap();
    (drift, repair)
}

/// Puts back what has drifted.
pub async fn fix(world: &mut World, config: &Config) -> Run {
    let before = world.endpoint.calls().len();
    let (_, repair) = examine(world, config).await;
    for removed in remove_extras(&world.aws, &repair.removals, |_| ()).await {
        assert!(removed.error.is_none(), "{removed:?}");
    }
    let run = world.carry_out(repair.plan, before).await;
    run.assert_complete();
    run
}

/// What was found, in a line each: severity, address, property.
pub fn lines(drift: &Drift) -> Vec<String> {
    let line = |finding: &drift::Finding| {
        let severity = finding.severity.word();
        let mut line = format!("{severity} {} {}", finding.address, finding.property);
        if !finding.class.is_drift() {
            line = format!("pending {line}");
        }
        line
    };
    drift.findings.iter().map(line).collect()
}
