//! Listeners: a port of a load balancer, and what is done with the requests that come there
//! (aws-behaviour 16).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::cloud::Cloud;
use super::super::wire::{Answer, ApiError, Parameters};
use super::action::{self, Action};
use super::attributes::{self, LISTENER};
use super::limits::room_for_one_more;
use super::load_balancer::LoadBalancer;
use super::page::page;
use super::validate::{invalid, one_of, optional_port, port, required};
use super::{Elb, load_balancer, tags, targets};

/// What an HTTPS listener gets when its creator names no policy (aws-behaviour 16.f).
const DEFAULT_POLICY: &str = "ELBSecurityPolicy-2016-08";

/// A listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listener {
    pub arn: String,
    pub load_balancer: String,
    pub port: u16,
    pub security: Security,
    /// What is done with requests that no rule is for.
    pub action: Action,
    /// The ARN of the rule that stands for the default action.
    pub default_rule: String,
    pub attributes: BTreeMap<String, String>,
}

/// Whether a listener speaks HTTP or HTTPS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    Http,
    Https { certificate: String, policy: String },
}

/// The listener that a request names.
pub fn named<'a>(elb: &'a Elb, request: Parameters<'_>) -> Result<&'a Listener, ApiError> {
    find(elb, required(request, "ListenerArn")?)
}

pub fn find<'a>(elb: &'a Elb, arn: &str) -> Result<&'a Listener, ApiError> {
    elb.listeners.get(arn).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new("ListenerNotFound", "One or more listeners not found")
}

/// Makes a listener, or shows the one that was made alike (aws-behaviour 16.b).
pub fn create(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let tags = tags::read(request)?;
    let balancer = load_balancer::named(&cloud.elb, request)?.clone();
    let port = port(request, "Port")?;
    let security = security(request, None)?;
    let action = action::read(request, "DefaultActions")?;
    action::require_usable(cloud, &balancer, &action)?;
    if let Some(present) = on_port(&cloud.elb, &balancer.arn, port) {
        if present.security != security || present.action != action {
            return Err(duplicate(&balancer.arn));
        }
        return Ok(json!({"Listeners": [shown(present)]}));
    }
    let count = cloud.elb.listeners_of(&balancer.arn).count();
    room_for_one_more(count, cloud.elb.quotas.listeners_per_load_balancer, "TooManyListeners")?;
    let (arn, default_rule) = fresh_arns(cloud, &balancer);
    let listener = Listener {
        arn,
        load_balancer: balancer.arn,
        port,
        security,
        action,
        default_rule,
        attributes: LISTENER.defaults(),
    };
    let answer = json!({"Listeners": [shown(&listener)]});
    cloud.elb.tags.insert(listener.arn.clone(), tags);
    cloud.elb.listeners.insert(listener.arn.clone(), listener);
    targets::follow_use(cloud);
    Ok(answer)
}

/// The ARNs of a new listener and of its default rule, which repeat that of the load balancer.
fn fresh_arns(cloud: &mut Cloud, balancer: &LoadBalancer) -> (String, String) {
    let listener = format!("app/{}/{}/{}", balancer.name, balancer.id(), cloud.fresh_hex(16));
    let rule = format!("listener-rule/{listener}/{}", cloud.fresh_hex(16));
    let arn = |path: &str| cloud.arn("elasticloadbalancing", path);
    (arn(&format!("listener/{listener}")), arn(&rule))
}

fn duplicate(balancer: &str) -> ApiError {
    let message =
        format!("A listener already exists on this port for this load balancer '{balancer}'");
    ApiError::new("DuplicateListener", message)
}

/// The listener on a port of a load balancer.
pub fn on_port<'a>(elb: &'a Elb, balancer: &'a str, port: u16) -> Option<&'a Listener> {
    elb.listeners_of(balancer).find(|listener| listener.port == port)
}

/// Reads protocol, certificate and policy; what a request leaves out stays as in `present`.
fn security(request: Parameters<'_>, present: Option<&Security>) -> Result<Security, ApiError> {
    let before = match present {
        Some(Security::Https { certificate, policy }) => Some((certificate, policy)),
        Some(Security::Http) | None => None,
    };
    if !is_secure(request, present)? {
        if request.structures("Certificates").next().is_some() || request.has("SslPolicy") {
            return Err(invalid("Certificates and policies can only be specified for HTTPS"));
        }
        return Ok(Security::Http);
    }
    let certificate = certificate(request)?.or_else(|| before.map(|before| before.0.clone()));
    let policy = policy(request)?.or_else(|| before.map(|before| before.1.clone()));
    Ok(Security::Https {
        certificate: certificate
            .ok_or_else(|| invalid("A certificate must be specified for HTTPS listeners"))?,
        policy: policy.unwrap_or_else(|| DEFAULT_POLICY.to_owned()),
    })
}

fn is_secure(request: Parameters<'_>, present: Option<&Security>) -> Result<bool, ApiError> {
    match (one_of(request, "Protocol", &["HTTP", "HTTPS"])?, present) {
        (None, None) => Err(invalid("A listener protocol must be specified")),
        (None, Some(present)) => Ok(*present != Security::Http),
        (Some(protocol), _) => Ok(protocol == "HTTPS"),
    }
}

/// The certificate of a request. Any well-formed ARN passes: the simulated account has no
/// certificate manager.
fn certificate(request: Parameters<'_>) -> Result<Option<String>, ApiError> {
    let mut certificates = request.structures("Certificates");
    let Some(first) = certificates.next() else { return Ok(None) };
    if certificates.next().is_some() {
        return Err(ApiError::new("TooManyCertificates", "Only one certificate can be specified"));
    }
    let arn = required(first, "CertificateArn")?;
    let known = [":certificate/", ":server-certificate/"];
    if !arn.starts_with("arn:") || !known.iter().any(|kind| arn.contains(kind)) {
        let message = format!("Certificate '{arn}' not found");
        return Err(ApiError::new("CertificateNotFound", message));
    }
    Ok(Some(arn.to_owned()))
}

fn policy(request: Parameters<'_>) -> Result<Option<String>, ApiError> {
    match request.text("SslPolicy") {
        Some(policy) if !policy.starts_with("ELBSecurityPolicy-") => {
            Err(ApiError::new("SSLPolicyNotFound", format!("SSL policy '{policy}' not found")))
        }
        policy => Ok(policy.map(str::to_owned)),
    }
}

pub fn describe(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    let elb = &cloud.elb;
    let arns = request.texts("ListenerArns");
    let mut chosen: Vec<&Listener> = match request.text("LoadBalancerArn") {
        Some(balancer) => elb.listeners_of(&load_balancer::find(elb, balancer)?.arn).collect(),
        None if arns.is_empty() => {
            return Err(invalid("A load balancer ARN or listener ARNs must be specified"));
        }
        None => arns.iter().map(|arn| find(elb, arn)).collect::<Result<_, _>>()?,
    };
    chosen.sort_by_key(|listener| &listener.arn);
    let shown = chosen.into_iter().map(|listener| (listener.arn.clone(), shown(listener)));
    page(request, "Listeners", shown.collect())
}

/// Changes what a request names; lists are replaced whole (aws-behaviour 16.f).
pub fn modify(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let mut listener = named(&cloud.elb, request)?.clone();
    let balancer = load_balancer::find(&cloud.elb, &listener.load_balancer)?;
    if let Some(port) = optional_port(request, "Port")? {
        let holder = on_port(&cloud.elb, &balancer.arn, port);
        if holder.is_some_and(|holder| holder.arn != listener.arn) {
            return Err(duplicate(&balancer.arn));
        }
        listener.port = port;
    }
    listener.security = security(request, Some(&listener.security))?;
    if request.structures("DefaultActions").next().is_some() {
        listener.action = action::read(request, "DefaultActions")?;
        action::require_usable(cloud, balancer, &listener.action)?;
    }
    let answer = json!({"Listeners": [shown(&listener)]});
    cloud.elb.listeners.insert(listener.arn.clone(), listener);
    targets::follow_use(cloud);
    Ok(answer)
}

pub fn delete(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let arn = named(&cloud.elb, request)?.arn.clone();
    cloud.elb.remove_listener(&arn);
    targets::follow_use(cloud);
    Ok(json!({}))
}

pub fn describe_attributes(cloud: &Cloud, request: Parameters<'_>) -> Answer {
    Ok(attributes::shown(&named(&cloud.elb, request)?.attributes))
}

pub fn modify_attributes(cloud: &mut Cloud, request: Parameters<'_>) -> Answer {
    let listener = named(&cloud.elb, request)?;
    let arn = listener.arn.clone();
    let attributes = LISTENER.merged(&listener.attributes, request)?;
    let answer = attributes::shown(&attributes);
    cloud.elb.listeners.get_mut(&arn).ok_or_else(not_found)?.attributes = attributes;
    Ok(answer)
}

/// A listener as the answers show it.
fn shown(listener: &Listener) -> Value {
    let (protocol, certificates, policy) = match &listener.security {
        Security::Http => ("HTTP", None, None),
        Security::Https { certificate, policy } => {
            ("HTTPS", Some(json!([{"CertificateArn": certificate}])), Some(policy))
        }
    };
    json!({
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer,
        "Port": listener.port,
        "Protocol": protocol,
        "Certificates": certificates,
        "SslPolicy": policy,
        "MutualAuthentication": policy.map(|_| json!({"Mode": "off"})),
        "DefaultActions": [listener.action.shown()],
    })
}
