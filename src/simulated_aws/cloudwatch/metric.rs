//! A metric and its data points.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::clock::Moment;
use super::super::wire::{ApiError, Parameters};
use super::{invalid, required};

/// The most dimensions of a metric.
const MOST_DIMENSIONS: usize = 30;

/// What is measured: every combination of dimensions is a metric of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    pub namespace: String,
    pub name: String,
    pub dimensions: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Point {
    pub at: Moment,
    pub value: f64,
}

/// Reads what names a metric, in data and in alarms alike.
pub fn read(namespace: &str, request: Parameters<'_>) -> Result<Metric, ApiError> {
    let name = required(request, "MetricName")?.to_owned();
    let one = |dimension: Parameters<'_>| {
        Ok((required(dimension, "Name")?.to_owned(), required(dimension, "Value")?.to_owned()))
    };
    let dimensions: BTreeMap<String, String> =
        request.structures("Dimensions").map(one).collect::<Result<_, ApiError>>()?;
    if dimensions.len() > MOST_DIMENSIONS {
        return Err(invalid("A metric can have 30 dimensions."));
    }
    Ok(Metric { namespace: namespace.to_owned(), name, dimensions })
}
