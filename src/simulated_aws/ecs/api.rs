//! What the other rooms may ask of services: Application Auto Scaling moves their desired count.

use super::lookup::service_key;
use super::model::ServiceStatus;
use super::scheduler;
use crate::simulated_aws::cloud::Cloud;

/// Whether an active service of that name runs in the cluster, both given by name.
pub fn service_exists(cloud: &Cloud, cluster: &str, service: &str) -> bool {
    desired_count(cloud, cluster, service).is_some()
}

/// How many tasks an active service is to run; `None` when there is no such service.
pub fn desired_count(cloud: &Cloud, cluster: &str, service: &str) -> Option<i64> {
    let service = cloud.ecs.services.get(&service_key(cluster, service))?;
    (service.status == ServiceStatus::Active).then_some(service.desired)
}

/// Sets how many tasks an active service is to run; nothing happens to any other.
pub fn set_desired_count(cloud: &mut Cloud, cluster: &str, service: &str, count: i64) {
    let key = service_key(cluster, service);
    let active = |service: &&mut super::model::Service| service.status == ServiceStatus::Active;
    if let Some(service) = cloud.ecs.services.get_mut(&key).filter(active) {
        service.desired = count;
        scheduler::wake(cloud, &key);
    }
}
