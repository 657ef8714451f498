//! How a target group checks the health of its targets (aws-behaviour 15.f).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::wire::{ApiError, Parameters};
use super::target::TargetAnswer;
use super::validate::{invalid, number, one_of};

/// The settings of a group's health checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub protocol: String,
    /// A number, or `traffic-port`: the port that the target is registered with.
    pub port: String,
    pub path: String,
    interval_s: u32,
    timeout_s: u32,
    /// How many checks in a row make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// How many failed checks in a row make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// `200`, `200,202`, `200-299`.
    matcher: String,
    /// Whether the matcher is one of gRPC codes.
    grpc: bool,
}

impl HealthCheck {
    /// The settings that a group gets for what its creator leaves out.
    pub fn of_group(protocol: &str, protocol_version: &str) -> Self {
        let grpc = protocol_version == "GRPC";
        Self {
            protocol: protocol.to_owned(),
            port: "traffic-port".to_owned(),
            path: if grpc { "/AWS.ALB/healthcheck" } else { "/" }.to_owned(),
            interval_s: 30,
            timeout_s: 5,
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: if grpc { "12" } else { "200" }.to_owned(),
            grpc,
        }
    }

    /// These settings with those of a request in their place; what it leaves out stays.
    pub fn merged(&self, request: Parameters<'_>) -> Result<Self, ApiError> {
        let protocol = one_of(request, "HealthCheckProtocol", &["HTTP", "HTTPS"])?;
        let count = |name: &str, present: u32, least: i64, most: i64| {
            let value = number(request, name, least..=most)?;
            Ok::<_, ApiError>(value.and_then(|value| value.try_into().ok()).unwrap_or(present))
        };
        let merged = Self {
            protocol: protocol.unwrap_or(&self.protocol).to_owned(),
            port: port(request)?.unwrap_or(&self.port).to_owned(),
            path: path(request)?.unwrap_or(&self.path).to_owned(),
            interval_s: count("HealthCheckIntervalSeconds", self.interval_s, 5, 300)?,
            timeout_s: count("HealthCheckTimeoutSeconds", self.timeout_s, 2, 120)?,
            healthy_threshold: count("HealthyThresholdCount", self.healthy_threshold, 2, 10)?,
            unhealthy_threshold: count("UnhealthyThresholdCount", self.unhealthy_threshold, 2, 10)?,
            matcher: self.matcher_of(request)?.unwrap_or_else(|| self.matcher.clone()),
            grpc: self.grpc,
        };
        if merged.timeout_s >= merged.interval_s {
            return Err(invalid("Health check interval must be greater than the timeout."));
        }
        Ok(merged)
    }

    /// How far apart two checks of a target are.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_s.into())
    }

    /// Whether a target that answers so is well.
    pub fn passes(&self, answer: TargetAnswer) -> bool {
        let TargetAnswer::Status(status) = answer else { return false };
        ranges(&self.matcher)
            .is_some_and(|mut ranges| ranges.any(|(first, last)| (first..=last).contains(&status)))
    }

    /// The members that a target group shows.
    pub fn shown(&self) -> Value {
        let codes = if self.grpc { "GrpcCode" } else { "HttpCode" };
        json!({
            "HealthCheckEnabled": true,
            "HealthCheckProtocol": self.protocol,
            "HealthCheckPort": self.port,
            "HealthCheckPath": self.path,
            "HealthCheckIntervalSeconds": self.interval_s,
            "HealthCheckTimeoutSeconds": self.timeout_s,
            "HealthyThresholdCount": self.healthy_threshold,
            "UnhealthyThresholdCount": self.unhealthy_threshold,
            "Matcher": { codes: self.matcher },
        })
    }

    /// The matcher of a request. An empty one is refused (aws-behaviour 15.f).
    fn matcher_of(&self, request: Parameters<'_>) -> Result<Option<String>, ApiError> {
        if !request.has("Matcher") {
            return Ok(None);
        }
        let (member, bounds) =
            if self.grpc { ("GrpcCode", 0..=99) } else { ("HttpCode", 200..=499) };
        let codes = request.structure("Matcher").text(member).unwrap_or_default();
        let known = ranges(codes).is_some_and(|mut ranges| {
            ranges.all(|(first, last)| {
                first <= last && bounds.contains(&first) && bounds.contains(&last)
            })
        });
        if !known {
            return Err(invalid(format!("Health check matcher {member} '{codes}' is not valid")));
        }
        Ok(Some(codes.to_owned()))
    }
}

/// Reads a matcher into pairs of first and last code; `None` when a part is not a number.
fn ranges(codes: &str) -> Option<impl Iterator<Item = (u16, u16)>> {
    let ranges: Option<Vec<(u16, u16)>> = codes
        .split(',')
        .map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
        })
        .collect();
    ranges.map(Vec::into_iter)
}

fn port(request: Parameters<'_>) -> Result<Option<&str>, ApiError> {
    match request.text("HealthCheckPort") {
        Some(port) if port != "traffic-port" && port.parse::<u16>().unwrap_or(0) == 0 => {
            Err(invalid(format!("Health check port '{port}' is not valid")))
        }
        port => Ok(port),
    }
}

fn path(request: Parameters<'_>) -> Result<Option<&str>, ApiError> {
    match request.text("HealthCheckPath") {
        Some(path) if !path.starts_with('/') || path.len() > 1024 => {
            Err(invalid(format!("Health check path '{path}' must begin with '/'")))
        }
        path => Ok(path),
    }
}
