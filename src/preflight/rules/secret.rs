//! Secrets and parameters that no task could read.

use std::collections::BTreeSet;

use super::super::evidence::{Evidence, Secret};
use super::super::finding::{Check, Finding, Weight};
use super::super::needs::{Needs, Variable};

/// Why that is found out beforehand.
const LATE: &str = "Without it no task starts, which ECS finds out only when all the rest stands.";

/// A secret that a configuration names.
struct Named<'a> {
    /// Its ARN, as it is declared.
    arn: &'a str,
    /// The variables that it fills.
    variables: String,
    region: &'a str,
}

pub(super) fn judge(needs: &Needs, evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut elsewhere = Vec::new();
    for (arn, variables) in &needs.secrets {
        let Some(Ok(secret)) = evidence.secrets.get(arn) else { continue };
        let named = Named { arn, variables: listed(variables), region: &needs.region };
        match secret {
            Secret::Present { key: None } => {}
            Secret::Present { key: Some(key) } => findings.push(named.locked(key)),
            Secret::Missing => findings.push(named.missing()),
            Secret::Leaving => findings.push(named.leaving()),
            Secret::Empty { wanted } => findings.push(named.empty(wanted)),
            Secret::Elsewhere => elsewhere.push(named.arn),
        }
    }
    if !elsewhere.is_empty() {
        findings.push(note_elsewhere(&elsewhere));
    }
    findings
}

fn listed(variables: &BTreeSet<Variable>) -> String {
    variables.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

impl Named<'_> {
    fn is_parameter(&self) -> bool {
        self.arn.contains(":ssm:")
    }

    fn title(&self) -> String {
        let what = if self.is_parameter() { "parameter" } else { "secret" };
        format!("the {what} {}", self.name())
    }

    /// The name in the ARN: of a secret with the characters that AWS has put behind it.
    fn name(&self) -> &str {
        let resource = self.arn.splitn(6, ':').nth(5).unwrap_or(self.arn);
        match resource.strip_prefix("parameter") {
            Some(path) if self.is_parameter() => path,
            _ => {
                resource.strip_prefix("secret:").unwrap_or(resource).split(':').next().unwrap_or("")
            }
        }
    }

    /// The name that the secret was made with.
    fn own_name(&self) -> &str {
        let name = self.name();
        let ending = name.rsplit_once('-').filter(|(_, ending)| ending.len() == 6);
        ending.map_or(name, |(name, _)| name)
    }

    /// The secret's own ARN, without what chooses a part of it.
    fn whole(&self) -> String {
        self.arn.split(':').take(7).collect::<Vec<_>>().join(":")
    }

    fn finding(&self, weight: Weight, is: &str, explanation: String) -> Finding {
        Finding::new(weight, Check::Secret, format!("{} {is}", self.title()), explanation)
    }

    fn missing(&self) -> Finding {
        let explanation = format!("{} takes its value from it. {LATE}", self.variables);
        let finding = self.finding(Weight::Certain, "does not exist", explanation);
        let region = self.region;
        if self.is_parameter() {
            let name = self.name();
            return finding
                .remedy(format!(
                    "make it: `aws ssm put-parameter --name {name} --type SecureString --value \
                     file://VALUE --region {region}`"
                ))
                .remedy(format!(
                    "or name another; `aws ssm describe-parameters --region {region}` lists them"
                ));
        }
        finding
            .remedy(format!(
                "make it: `aws secretsmanager create-secret --name {} --secret-string file://VALUE \
                 --region {region}`, and put the ARN that this prints into the file: AWS chooses \
                 its last six characters",
                self.own_name()
            ))
            .remedy(format!(
                "or name another; `aws secretsmanager list-secrets --region {region}` lists them"
            ))
    }

    fn leaving(&self) -> Finding {
        let explanation = format!(
            "Its value can't be read any more, and {} takes its value from it. {LATE}",
            self.variables
        );
        let finding = self.finding(Weight::Certain, "is scheduled for deletion", explanation);
        finding.remedy(format!(
            "take the deletion back: `aws secretsmanager restore-secret --secret-id {} --region {}`",
            self.whole(),
            self.region
        ))
    }

    fn empty(&self, wanted: &str) -> Finding {
        let explanation = format!("{} takes its value from there. {LATE}", self.variables);
        let finding = self.finding(Weight::Certain, &format!("has no value {wanted}"), explanation);
        finding.remedy(format!(
            "give it one: `aws secretsmanager put-secret-value --secret-id {} --secret-string \
             file://VALUE --region {}`",
            self.whole(),
            self.region
        ))
    }

    fn locked(&self, key: &str) -> Finding {
        let explanation = format!(
            "{} takes its value from it. The service's execution role may read it, and is given no \
             right to the key {key}: tasks start only if the key's own policy gives it.",
            self.variables
        );
        let is = "is encrypted with a key of its own";
        self.finding(Weight::Doubtful, is, explanation).remedy(
            "allow `kms:Decrypt` in the key's policy, to the execution role or to the account's \
             principals that come by way of the service (`kms:ViaService`)",
        )
    }
}

fn note_elsewhere(arns: &[&str]) -> Finding {
    Finding::new(
        Weight::Note,
        Check::Secret,
        "secrets of other accounts or regions were not looked at",
        arns.join(", "),
    )
}
