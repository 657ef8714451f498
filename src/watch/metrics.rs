//! What a check leaves in CloudWatch: how much has drifted, in all and by severity, and that a check
//! was made at all.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::MetricDatum;

use crate::aws::{Aws, AwsError, Operation};
use crate::drift::{Drift, Severity};
use crate::names::metrics::{CHECKS, DRIFT, NAMESPACE, SEVERITY, dimensions};
use crate::resource::alarm::Metric;

/// Puts what a check found.
///
/// # Errors
///
/// Whatever AWS says.
pub async fn put(aws: &Aws, drift: &Drift) -> Result<(), AwsError> {
    const PUT: Operation = Operation::new("cloudwatch:PutMetricData");
    let data = data(drift);
    let send = || {
        let request = aws.cloudwatch().put_metric_data().namespace(NAMESPACE);
        request.set_metric_data(Some(data.clone())).send()
    };
    aws.call(PUT, send).await.map(drop)
}

fn data(drift: &Drift) -> Vec<MetricDatum> {
    let own = dimensions(&drift.stack, &drift.environment);
    let counts = drift.counts();
    let of = |severity: Severity| counts.get(&severity).copied().unwrap_or_default();
    let all = Severity::ALL.into_iter().filter(|one| *one >= Severity::Low).map(of).sum();
    let mut data = vec![datum(CHECKS, &own, 1), datum(DRIFT, &own, all)];
    for severity in Severity::ALL {
        let mut dimensions = own.clone();
        dimensions.insert(SEVERITY.to_owned(), severity.word().to_owned());
        data.push(datum(DRIFT, &dimensions, of(severity)));
    }
    data
}

fn datum(name: &str, dimensions: &BTreeMap<String, String>, count: usize) -> MetricDatum {
    let metric = Metric {
        namespace: NAMESPACE.into(),
        name: name.to_owned(),
        dimensions: dimensions.clone(),
    };
    metric.datum(f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
}
