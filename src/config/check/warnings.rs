//! What is allowed, and yet probably not meant.

use crate::config::image::Reference;
use crate::config::model::{Config, Nat};
use crate::config::service::Service;
use crate::config::subnets::subnets;

/// The smallest subnets in which a load balancer can grow ("Subnets for your load balancer" in the
/// user guide of Application Load Balancers): AWS takes smaller ones.
const SMALLEST_FOR_BALANCERS: u8 = 27;

/// How many rules for what comes in AWS gives a security group, unless asked for more ("Amazon VPC
/// quotas" in the VPC user guide).
const USUAL_INGRESS: usize = 60;

/// How many managed policies AWS gives a role, unless asked for more ("IAM and AWS STS quotas" in the
/// IAM user guide).
const USUAL_POLICIES: usize = 10;

/// All of it.
pub fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = of_network(config);
    for (name, service) in &config.services {
        warnings.extend(of_service(name, service));
        warnings.extend(of_quotas(name, service));
    }
    warnings
}

fn of_network(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.network.nat == Nat::None && !config.services.is_empty() {
        warnings.push(
            "with `network.nat = \"none\"` tasks reach nothing outside the network: unless it has VPC \
             endpoints for the registry, S3 and CloudWatch Logs, they can't even pull their image"
                .into(),
        );
    }
    let cidr = config.network.cidr;
    let plan = subnets(cidr, config.network.zones.count()).ok();
    let public = plan.and_then(|plan| plan.public.first().copied());
    if let Some(public) = public.filter(|public| public.prefix_len() > SMALLEST_FOR_BALANCERS) {
        warnings.push(format!(
            "`network.cidr`: {cidr} gives subnets of a /{}, and in less than a /{SMALLEST_FOR_BALANCERS} a \
             load balancer may find too few addresses to grow",
            public.prefix_len()
        ));
    }
    warnings
}

fn of_service(name: &str, service: &Service) -> Vec<String> {
    let mut warnings = Vec::new();
    if moves(&service.image) {
        warnings.push(format!(
            "`services.{name}.image` has no tag of its own: what `latest` means changes between two \
             deployments; a version or a digest does not"
        ));
    }
    if service.ingress.is_empty() {
        warnings.push(format!("`services.{name}.ingress` is empty: nobody reaches the service"));
    }
    if service.execute_command && service.read_only_root {
        warnings.push(format!(
            "`services.{name}.execute_command` needs a root file system that can be written, and \
             `read_only_root` forbids it"
        ));
    }
    // The ECS API reference on `CapacityProviderStrategyItem`, which excepts no base.
    let weightless = |base, weight| base > 0 && weight == 0;
    if service.spot.as_ref().is_some_and(|spot| weightless(spot.base, spot.on_demand_weight)) {
        warnings.push(format!(
            "`services.{name}.spot.on_demand_weight` is 0, and AWS says that without a weight no tasks \
             are placed on demand: then `base` counts for nothing"
        ));
    }
    warnings
}

/// What AWS refuses in the middle of a run, unless the account has been given more.
fn of_quotas(name: &str, service: &Service) -> Vec<String> {
    let mut warnings = Vec::new();
    let ingress = service.ingress.len();
    if ingress > USUAL_INGRESS {
        warnings.push(format!(
            "`services.{name}.ingress` has {ingress} blocks: AWS gives a security group \
             {USUAL_INGRESS} rules, unless the account's quota was raised"
        ));
    }
    let policies = service.task_policies.managed.len();
    if policies > USUAL_POLICIES {
        warnings.push(format!(
            "`services.{name}.task_policies.managed` has {policies} policies: AWS gives a role \
             {USUAL_POLICIES}, unless the account's quota was raised"
        ));
    }
    warnings
}

/// Whether an image's name means another image tomorrow.
fn moves(image: &str) -> bool {
    let reference = image.parse::<Reference>();
    reference.is_ok_and(|r| r.digest.is_none() && r.tag.is_none_or(|tag| tag == "latest"))
}
