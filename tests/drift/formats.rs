//! The formats of others: nothing is lost on the way into one, and nothing is told that is hidden.

use provision::drift::{Drift, Finding, Severity};
use provision::report::drift::junit::{self, Checked};
use provision::report::drift::markdown;
use provision::report::drift::sarif::{self, Place};
use provision::report::drift::{document, draw};
use provision::report::human::{Look, Values};
use provision::report::{Paint, json};
use serde_json::json;

use crate::extras::deploy;
use crate::harness::World;
use crate::world::{check, full};

/// A check in every format.
fn formats(drift: &Drift) -> [(&'static str, String); 5] {
    let look = Look { values: Values::Hidden, paint: Paint::Plain, width: None };
    let place = |_: &Drift, _: &Finding| Place { path: "provision.toml".into(), line: Some(1) };
    let checked = Checked { drift, addresses: [].into() };
    [
        ("table", draw(drift, look)),
        ("json", json::document(&document(drift))),
        ("sarif", json::document(&sarif::log(&[drift], &place))),
        ("junit", junit::document(&[checked], Severity::Low)),
        ("markdown", markdown::document(&[drift], markdown::LONGEST)),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_format_tells_every_finding_and_no_value_of_a_variable() {
    let config = full();
    let mut world = World::new();
    world.up(&config).await;
    let secret =
        json!([{"name": "LEVEL", "value": "hush-hush"}, {"name": "MORE", "value": "hush"}]);
    deploy(&world, &[("environment", secret)]);
    let group = json!({"logGroupName": "/ecs/shop-dev"});
    world.ask("logs", "DeleteLogGroup", &group);
    let vpc = world.output("vpc.main", "id");
    let support = json!({"VpcId": vpc, "EnableDnsSupport": {"Value": "false"}});
    world.ask("ec2", "ModifyVpcAttribute", &support);
    let drift = check(&world, &config).await;
    assert!(drift.findings.len() >= 3, "{:?}", drift.findings);
    for (format, text) in formats(&drift) {
        for finding in &drift.findings {
            let address = finding.address.to_string();
            assert!(text.contains(&address), "{format} leaves {address} out: {text}");
            assert!(text.contains(&finding.reason), "{format}: {}: {text}", finding.reason);
        }
        assert!(text.contains("environment"), "{format} does not say what differs: {text}");
        for value in ["hush", "info"] {
            assert!(!text.contains(value), "{format} tells {value}: {text}");
        }
    }
}
