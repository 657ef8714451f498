//! The table of kinds, and the door between JSON on one side and each kind's types on the other.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use super::{
    Blocker, Change, Extra, Found, Identity, Inspection, Live, LiveValue, Naming, Place, Readiness,
    Replacement, Resource, Sought, SoughtValue, Tagging,
};
use crate::aws::{Aws, AwsError};

/// What the rest of the program knows of a kind without its types.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is the constant of the same name in `Resource`")]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Facts {
    pub type_name: &'static str,
    pub made_by: &'static str,
    pub fixed: &'static [&'static str],
    pub initial: &'static [&'static str],
    pub renewed: &'static [&'static str],
    pub owned: &'static [&'static str],
    pub whole: &'static [&'static str],
    pub hidden: &'static [&'static str],
    pub reads: &'static [&'static str],
    pub replacement: Replacement,
    pub tagging: Tagging,
    pub tags_apart: bool,
    pub naming: Option<Naming>,
    pub key: &'static [&'static str],
    pub adopts: bool,
    pub lingers: bool,
    pub converges: bool,
    pub returns: bool,
    pub dies: bool,
    pub revives: bool,
    pub loses: Option<&'static str>,
    pub drains: Option<&'static str>,
    pub typical: Duration,
    pub ready_within: Duration,
    pub gone_within: Duration,
}

/// A kind failed at its work, or was handed something that is not its own.
#[derive(Debug, Error)]
pub enum KindError {
    /// AWS refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A spec or outputs that do not fit the kind: written by another version, or damaged.
    #[error("what is recorded of a {kind} does not fit: {source}")]
    Misfit {
        /// The kind's name.
        kind: &'static str,
        /// What does not fit.
        source: serde_json::Error,
    },
}

/// Makes [`Kind`] from one row a kind: variant, module, type, and name in addresses.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident, $module:ident, $name:literal;)+) => {
        /// A kind of resource. Its order is the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $variant),+ }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that addresses begin with.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The kind whose addresses begin with `name`.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// What is true of every resource of the kind.
            pub fn facts(self) -> Facts {
                match self { $(Self::$variant => facts::<super::$module::$variant>()),+ }
            }

            /// The spec as the kind itself writes it: sets sorted, numbers in one form.
            ///
            /// A spec with references in it stays comparable field by field.
            pub fn canonical(self, spec: &Value) -> Result<Value, KindError> {
                match self { $(Self::$variant => canonical::<super::$module::$variant>(spec)),+ }
            }

            /// [`Resource::widened`].
            pub fn widened(
                self, spec: &Value, applied: &Value, live: &Value,
            ) -> Result<Value, KindError> {
                match self { $(
                    Self::$variant => widened::<super::$module::$variant>(spec, applied, live)
                ),+ }
            }

            /// [`Resource::create`].
            pub async fn create(
                self, aws: &Aws, spec: &Value, identity: &Identity,
            ) -> Result<Value, KindError> {
                match self { $(
                    Self::$variant => Box::pin(create::<super::$module::$variant>(aws, spec, identity)).await
                ),+ }
            }

            /// [`Resource::find`].
            pub async fn find(
                self, aws: &Aws, spec: &Value, identity: &Identity,
            ) -> Result<Option<Found<Value>>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(find::<super::$module::$variant>(aws, spec, identity)).await
                ),+ }
            }

            /// [`Resource::locate`].
            pub fn locate(self, id: &str, place: &Place) -> Result<Option<Value>, KindError> {
                match self { $(Self::$variant => locate::<super::$module::$variant>(id, place)),+ }
            }

            /// [`Resource::read`].
            pub async fn read(
                self, aws: &Aws, sought: &[SoughtValue],
            ) -> Result<Vec<Option<LiveValue>>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(read::<super::$module::$variant>(aws, sought)).await
                ),+ }
            }

            /// [`Resource::glance`].
            pub async fn glance(
                self, aws: &Aws, sought: &[SoughtValue],
            ) -> Result<Vec<Option<LiveValue>>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(glance::<super::$module::$variant>(aws, sought)).await
                ),+ }
            }

            /// [`Resource::poll`].
            pub async fn poll(
                self, aws: &Aws, sought: &[SoughtValue],
            ) -> Result<Vec<Readiness>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(poll::<super::$module::$variant>(aws, sought)).await
                ),+ }
            }

            /// [`Resource::inspect`].
            pub async fn inspect(
                self, aws: &Aws, sought: &[SoughtValue],
            ) -> Result<Vec<Inspection>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(inspect::<super::$module::$variant>(aws, sought)).await
                ),+ }
            }

            /// [`Resource::remove_extra`].
            pub async fn remove_extra(
                self, aws: &Aws, of: &SoughtValue, extra: &Extra,
            ) -> Result<(), KindError> {
                match self { $(
                    Self::$variant => Box::pin(remove_extra::<super::$module::$variant>(aws, of, extra)).await
                ),+ }
            }

            /// [`Resource::inspect_each`].
            pub async fn inspect_each(
                self, aws: &Aws, sought: &[SoughtValue],
            ) -> Result<Vec<Inspection>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(
                        inspect_each::<super::$module::$variant>(aws, sought)
                    ).await
                ),+ }
            }

            /// [`Resource::origin`].
            pub async fn origin(
                self, aws: &Aws, sought: &SoughtValue,
            ) -> Result<Option<String>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(origin::<super::$module::$variant>(aws, sought)).await
                ),+ }
            }

            /// [`Resource::update`].
            pub async fn update(
                self,
                aws: &Aws,
                spec: &Value,
                identity: &Identity,
                from: &LiveValue,
                fields: &BTreeSet<String>,
            ) -> Result<Value, KindError> {
                match self { $(
                    Self::$variant => Box::pin(
                        update::<super::$module::$variant>(aws, spec, identity, from, fields)
                    ).await
                ),+ }
            }

            /// [`Resource::blockers`].
            pub async fn blockers(
                self, aws: &Aws, gone: &SoughtValue,
            ) -> Result<Vec<Blocker>, KindError> {
                match self { $(
                    Self::$variant => Box::pin(blockers::<super::$module::$variant>(aws, gone)).await
                ),+ }
            }

            /// [`Resource::delete`].
            pub async fn delete(self, aws: &Aws, gone: &SoughtValue) -> Result<(), KindError> {
                match self { $(
                    Self::$variant => Box::pin(delete::<super::$module::$variant>(aws, gone)).await
                ),+ }
            }
        }
    };
}

kinds! {
    /// A virtual network.
    Vpc, vpc, "vpc";
    /// The network's way to the internet.
    InternetGateway, internet_gateway, "internet_gateway";
    /// One zone's share of the network's addresses.
    Subnet, subnet, "subnet";
    /// A public address that stays.
    ElasticIp, elastic_ip, "elastic_ip";
    /// The private subnets' way out.
    NatGateway, nat_gateway, "nat_gateway";
    /// Where packets of its subnets go.
    RouteTable, route_table, "route_table";
    /// Who may talk to whom.
    SecurityGroup, security_group, "security_group";
    /// What tasks may do.
    Role, role, "role";
    /// Where tasks write their logs.
    LogGroup, log_group, "log_group";
    /// Where services run.
    Cluster, cluster, "cluster";
    /// What a task is made of.
    TaskDefinition, task_definition, "task_definition";
    /// What takes requests from the internet.
    LoadBalancer, load_balancer, "load_balancer";
    /// The tasks that requests go to.
    TargetGroup, target_group, "target_group";
    /// A port of the load balancer.
    Listener, listener, "listener";
    /// Tasks that are kept running.
    Service, service, "service";
    /// The bounds of a service's count.
    ScalableTarget, scalable_target, "scalable_target";
    /// What moves a service's count.
    ScalingPolicy, scaling_policy, "scaling_policy";
    /// Where news is published.
    Topic, topic, "topic";
    /// Whom to tell when a metric crosses a limit.
    Alarm, alarm, "alarm";
    /// What starts a task when it is time.
    Schedule, schedule, "schedule";
}

fn facts<R: Resource>() -> Facts {
    Facts {
        type_name: R::TYPE_NAME,
        made_by: R::MADE_BY,
        fixed: R::FIXED,
        initial: R::INITIAL,
        renewed: R::RENEWED,
        owned: R::OWNED,
        whole: R::WHOLE,
        hidden: R::HIDDEN,
        reads: R::READS,
        replacement: R::REPLACEMENT,
        tagging: R::TAGGING,
        tags_apart: R::TAGS_APART,
        naming: R::NAMING,
        key: R::KEY,
        adopts: R::ADOPTS,
        lingers: R::LINGERS,
        converges: R::CONVERGES,
        returns: R::RETURNS,
        dies: R::DIES,
        revives: R::REVIVES,
        loses: R::LOSES,
        drains: R::DRAINS,
        typical: R::TYPICAL,
        ready_within: R::READY_WITHIN,
        gone_within: R::GONE_WITHIN,
    }
}

fn canonical<R: Resource>(spec: &Value) -> Result<Value, KindError> {
    erased::<R, R>(&typed::<R, R>(spec)?)
}

fn widened<R: Resource>(spec: &Value, applied: &Value, live: &Value) -> Result<Value, KindError> {
    let spec: R = typed::<R, _>(spec)?;
    erased::<R, R>(&spec.widened(&typed::<R, _>(applied)?, &typed::<R, _>(live)?))
}

async fn create<R: Resource>(
    aws: &Aws,
    spec: &Value,
    identity: &Identity,
) -> Result<Value, KindError> {
    let spec: R = typed::<R, _>(spec)?;
    let outputs = spec.create(aws, identity).await?;
    erased::<R, _>(&outputs)
}

async fn find<R: Resource>(
    aws: &Aws,
    spec: &Value,
    identity: &Identity,
) -> Result<Option<Found<Value>>, KindError> {
    let spec: R = typed::<R, _>(spec)?;
    let Some(found) = spec.find(aws, identity).await? else { return Ok(None) };
    Ok(Some(Found { outputs: erased::<R, _>(&found.outputs)?, tags: found.tags }))
}

fn locate<R: Resource>(id: &str, place: &Place) -> Result<Option<Value>, KindError> {
    R::locate(id, place).as_ref().map(erased::<R, _>).transpose()
}

async fn read<R: Resource>(
    aws: &Aws,
    sought: &[SoughtValue],
) -> Result<Vec<Option<LiveValue>>, KindError> {
    let sought = sought.iter().map(typed_sought::<R>).collect::<Result<Vec<_>, _>>()?;
    let live = R::read(aws, &sought).await?;
    live.into_iter().map(|live| live.as_ref().map(erased_live).transpose()).collect()
}

async fn glance<R: Resource>(
    aws: &Aws,
    sought: &[SoughtValue],
) -> Result<Vec<Option<LiveValue>>, KindError> {
    let sought = sought.iter().map(typed_sought::<R>).collect::<Result<Vec<_>, _>>()?;
    let live = R::glance(aws, &sought).await?;
    live.into_iter().map(|live| live.as_ref().map(erased_live).transpose()).collect()
}

async fn poll<R: Resource>(aws: &Aws, sought: &[SoughtValue]) -> Result<Vec<Readiness>, KindError> {
    let sought = sought.iter().map(typed_sought::<R>).collect::<Result<Vec<_>, _>>()?;
    Ok(R::poll(aws, &sought).await?)
}

async fn inspect<R: Resource>(
    aws: &Aws,
    sought: &[SoughtValue],
) -> Result<Vec<Inspection>, KindError> {
    let sought = sought.iter().map(typed_sought::<R>).collect::<Result<Vec<_>, _>>()?;
    Ok(R::inspect(aws, &sought).await?)
}

async fn remove_extra<R: Resource>(
    aws: &Aws,
    of: &SoughtValue,
    extra: &Extra,
) -> Result<(), KindError> {
    Ok(R::remove_extra(aws, &typed_sought::<R>(of)?, extra).await?)
}

async fn inspect_each<R: Resource>(
    aws: &Aws,
    sought: &[SoughtValue],
) -> Result<Vec<Inspection>, KindError> {
    let sought = sought.iter().map(typed_sought::<R>).collect::<Result<Vec<_>, _>>()?;
    Ok(R::inspect_each(aws, &sought).await?)
}

async fn origin<R: Resource>(aws: &Aws, sought: &SoughtValue) -> Result<Option<String>, KindError> {
    Ok(R::origin(aws, &typed_sought::<R>(sought)?).await?)
}

async fn update<R: Resource>(
    aws: &Aws,
    spec: &Value,
    identity: &Identity,
    from: &LiveValue,
    fields: &BTreeSet<String>,
) -> Result<Value, KindError> {
    let spec: R = typed::<R, _>(spec)?;
    let from = Live {
        spec: typed::<R, R>(&from.spec)?,
        outputs: typed::<R, R::Outputs>(&from.outputs)?,
        tags: from.tags.clone(),
        readiness: from.readiness.clone(),
    };
    let change = Change { from, fields: fields.clone() };
    let outputs = spec.update(aws, identity, &change).await?;
    erased::<R, _>(&outputs)
}

async fn blockers<R: Resource>(aws: &Aws, gone: &SoughtValue) -> Result<Vec<Blocker>, KindError> {
    Ok(R::blockers(aws, &typed_sought::<R>(gone)?).await?)
}

async fn delete<R: Resource>(aws: &Aws, gone: &SoughtValue) -> Result<(), KindError> {
    Ok(R::delete(aws, &typed_sought::<R>(gone)?).await?)
}

fn typed_sought<R: Resource>(sought: &SoughtValue) -> Result<Sought<R>, KindError> {
    Ok(Sought {
        address: sought.address.clone(),
        outputs: typed::<R, R::Outputs>(&sought.outputs)?,
        applied: typed::<R, R>(&sought.applied).ok(),
    })
}

fn erased_live<R: Resource>(live: &Live<R>) -> Result<LiveValue, KindError> {
    Ok(LiveValue {
        spec: erased::<R, _>(&live.spec)?,
        outputs: erased::<R, _>(&live.outputs)?,
        tags: live.tags.clone(),
        readiness: live.readiness.clone(),
    })
}

fn typed<R: Resource, T: DeserializeOwned>(value: &Value) -> Result<T, KindError> {
    T::deserialize(value).map_err(|source| KindError::Misfit { kind: R::KIND.name(), source })
}

fn erased<R: Resource, T: Serialize>(value: &T) -> Result<Value, KindError> {
    serde_json::to_value(value).map_err(|source| KindError::Misfit { kind: R::KIND.name(), source })
}
