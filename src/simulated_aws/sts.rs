//! STS, as far as to say who is asking.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cloud::{ACCOUNT, Cloud};
use super::endpoint::{Call, unknown_operation};
use super::wire::Answer;

/// The user that every caller is whose key is not known.
const USER: &str = "simulated";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A user, by name.
    User(String),
    /// Somebody who has taken on a role.
    Role {
        /// The role's name.
        role: String,
        /// What the session is called.
        session: String,
    },
    /// A service of AWS that acts on its own: `ecs.amazonaws.com`.
    Service(String),
    /// A service of AWS that has taken on a role, and acts for whoever gave it.
    Delegate {
        /// The role's name.
        role: String,
        /// What the session is called.
        session: String,
        /// The service: `scheduler.amazonaws.com`.
        service: String,
    },
}

/// Whose the keys are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sts {
    callers: BTreeMap<String, Caller>,
}

impl Sts {
    /// Gives a key to somebody.
    pub fn furnish(&mut self, access_key: &str, caller: Caller) {
        self.callers.insert(access_key.to_owned(), caller);
    }
}

/// Whose a key is.
pub fn caller(cloud: &Cloud, access_key: &str) -> Caller {
    let known = cloud.sts.callers.get(access_key);
    known.cloned().unwrap_or_else(|| Caller::User(USER.to_owned()))
}

/// Answers an operation.
pub fn answer(cloud: &Cloud, call: &Call) -> Answer {
    let caller = caller(cloud, &call.access_key);
    match call.operation.as_str() {
        "GetCallerIdentity" => Ok(json!({
            "Account": ACCOUNT,
            "Arn": caller.arn(cloud.partition()),
            "UserId": caller.id(),
        })),
        other => Err(unknown_operation(other)),
    }
}

impl Caller {
    /// What CloudTrail calls the caller: the session's name of one who has taken on a role.
    pub fn name(&self) -> String {
        match self {
            Self::User(name) => name.clone(),
            Self::Role { session, .. } | Self::Delegate { session, .. } => session.clone(),
            Self::Service(host) => host.clone(),
        }
    }

    /// Where the caller is, if not at an address of its own: a service of AWS is at its name.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::Service(host) | Self::Delegate { service: host, .. } => Some(host),
            Self::User(_) | Self::Role { .. } => None,
        }
    }

    /// `arn:aws:sts::123456789012:assumed-role/Admin/bob`.
    pub fn arn(&self, partition: &str) -> String {
        match self {
            Self::User(name) | Self::Service(name) => {
                format!("arn:{partition}:iam::{ACCOUNT}:user/{name}")
            }
            Self::Role { role, session } | Self::Delegate { role, session, .. } => {
                format!("arn:{partition}:sts::{ACCOUNT}:assumed-role/{role}/{session}")
            }
        }
    }

    /// The unique id, which begins as those of the caller's kind do.
    fn id(&self) -> String {
        let digits = |name: &str| {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            format!("{:0<9}", letters.collect::<String>().to_uppercase())
        };
        match self {
            Self::User(name) | Self::Service(name) => format!("AIDA{}USER0001", digits(name)),
            Self::Role { role, session } | Self::Delegate { role, session, .. } => {
                format!("AROA{}ROLE0001:{session}", digits(role))
            }
        }
    }

    /// The caller as an event of CloudTrail's has it ("userIdentity element" in its User Guide).
    pub fn identity(&self, partition: &str, access_key: &str) -> Value {
        let arn = self.arn(partition);
        match self {
            Self::User(name) => json!({
                "type": "IAMUser", "principalId": self.id(), "arn": arn, "accountId": ACCOUNT,
                "accessKeyId": access_key, "userName": name,
            }),
            Self::Role { role, .. } | Self::Delegate { role, .. } => {
                let mut identity = json!({
                    "type": "AssumedRole", "principalId": self.id(), "arn": arn,
                    "accountId": ACCOUNT, "accessKeyId": access_key,
                    "sessionContext": { "sessionIssuer": {
                        "type": "Role",
                        "arn": format!("arn:{partition}:iam::{ACCOUNT}:role/{role}"),
                        "accountId": ACCOUNT,
                        "userName": role,
                    }},
                });
                if let Some(service) = self.address() {
                    identity["invokedBy"] = service.into();
                }
                identity
            }
            Self::Service(host) => json!({ "type": "AWSService", "invokedBy": host }),
        }
    }
}
