//! ARNs of what a stack uses and does not make: secrets, parameters and managed policies.
//!
//! The rule: what passes is one thing and no pattern, since it goes into a policy as it is, and lies
//! in the partition of the stack's region, since no role reaches into another.

use crate::aws::partition_of;
use crate::config::region;

/// What is wrong with an ARN, behind what it is of; and what to do about it.
pub(super) struct Complaint {
    pub message: String,
    pub advice: String,
}

const SECRET_ADVICE: &str = "Secrets Manager: `arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/key-AbCdEf`; \
     SSM: `arn:aws:ssm:eu-west-1:123456789012:parameter/shop/key`";

const POLICY_ADVICE: &str = "for example `arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess`";

/// The longest name of a secret ("CreateSecret" in the API reference), with what AWS puts behind it.
const LONGEST_SECRET: usize = 512 + SUFFIX + 1;

/// How many characters AWS puts behind a secret's name and a hyphen.
const SUFFIX: usize = 6;

/// The parts of an ARN behind its first word.
struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = parts[..] else { return None };
        let visible = text.bytes().all(|b| b.is_ascii_graphic());
        let known = partition == "aws" || partition.starts_with("aws-");
        (visible && known).then_some(Self { partition, service, region, account, resource })
    }

    /// What is wrong with where it is, for a stack in `region`.
    fn misplaced(&self, region: &str) -> Option<Complaint> {
        let own = partition_of(region);
        let foreign = region::exists(region) && self.partition != own;
        foreign.then(|| Complaint {
            message: format!("is in the partition `{}`, and {region} in `{own}`", self.partition),
            advice: format!("it begins with `arn:{own}:`, and no other can be reached"),
        })
    }
}

/// What is wrong with a text that is to be the ARN of a Secrets Manager secret, which may go on to
/// name a JSON key, a stage and a version, or of an SSM parameter.
pub(super) fn of_secret(text: &str, region: &str) -> Option<Complaint> {
    let arn = Arn::of(text).filter(|arn| !arn.region.is_empty() && is_account(arn.account));
    let Some(arn) = arn else { return Some(no_secret()) };
    let complaint = match (arn.service, arn.resource) {
        ("secretsmanager", resource) => match resource.strip_prefix("secret:") {
            Some(rest) => secret_complaint(rest, text),
            None => Some(no_secret()),
        },
        ("ssm", resource) => match resource.strip_prefix("parameter/") {
            Some(name) => parameter_complaint(name),
            None => Some(no_secret()),
        },
        _ => Some(no_secret()),
    };
    complaint.or_else(|| arn.misplaced(region))
}

fn no_secret() -> Complaint {
    Complaint {
        message: "is not the ARN of a secret or a parameter".into(),
        advice: SECRET_ADVICE.into(),
    }
}

fn secret_complaint(rest: &str, text: &str) -> Option<Complaint> {
    let (name, parts) =
        rest.split_once(':').map_or((rest, None), |(name, rest)| (name, Some(rest)));
    if name.is_empty() || name.len() > LONGEST_SECRET {
        return Some(no_secret());
    }
    let odd = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"/_+=.@-".contains(*c));
    if let Some(odd) = odd {
        return Some(pattern(odd, "letters, digits and / _ + = . @ -"));
    }
    if !has_suffix(name) {
        return Some(Complaint {
            message: "is not a whole ARN: AWS puts a hyphen and six characters behind a name"
                .into(),
            advice: format!(
                "`aws secretsmanager describe-secret --secret-id {name} --query ARN` tells it"
            ),
        });
    }
    parts.and_then(|parts| complaint_of_key(&parts.split(':').collect::<Vec<_>>(), text))
}

/// ECS takes a secret's ARN alone, or with exactly three more parts, which may be empty: a JSON key, a
/// stage and a version ("Passing Secrets Manager secrets" in the ECS developer guide).
fn complaint_of_key(parts: &[&str], text: &str) -> Option<Complaint> {
    let count = parts.len();
    let (message, advice) = match parts {
        [_, "", _] | [_, _, ""] => return None,
        [_, _, _] => (
            "names both a stage and a version, of which ECS takes one".to_owned(),
            "leave one of the two empty, and keep the colons".to_owned(),
        ),
        _ => {
            let written = if count == 1 { "one part".into() } else { format!("{count} parts") };
            let whole = format!("{text}{}", ":".repeat(3_usize.saturating_sub(count)));
            let example = if count < 3 { format!(", here `{whole}`") } else { String::new() };
            (
                format!("has {written} behind its name, and ECS takes three or none"),
                format!("a key, a stage and a version, each of which may be empty{example}"),
            )
        }
    };
    Some(Complaint { message, advice })
}

fn has_suffix(name: &str) -> bool {
    let suffix = name.rsplit_once('-').map(|(name, suffix)| (name.is_empty(), suffix));
    matches!(suffix, Some((false, suffix))
        if suffix.len() == SUFFIX && suffix.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Parameters are named as "PutParameter" in the API reference of Systems Manager says.
fn parameter_complaint(name: &str) -> Option<Complaint> {
    let odd = name.chars().find(|c| !c.is_ascii_alphanumeric() && !"/_.-".contains(*c));
    match odd {
        _ if name.is_empty() => Some(no_secret()),
        Some(':') => Some(no_secret()),
        Some(odd) => Some(pattern(odd, "letters, digits and / _ . -")),
        None => None,
    }
}

fn pattern(odd: char, allowed: &str) -> Complaint {
    Complaint {
        message: format!("can't contain `{odd}`: it names one secret, and no more may be read"),
        advice: format!("names have {allowed}"),
    }
}

/// What is wrong with a text that is to be the ARN of a managed policy.
pub(super) fn of_policy(text: &str, region: &str) -> Option<Complaint> {
    let arn = Arn::of(text).filter(|arn| {
        let owned = arn.account == "aws" || is_account(arn.account);
        let name = arn.resource.strip_prefix("policy/").unwrap_or_default();
        arn.service == "iam" && arn.region.is_empty() && owned && is_policy_name(name)
    });
    let advice = POLICY_ADVICE.replace("arn:aws:", &format!("arn:{}:", partition_of(region)));
    let Some(arn) = arn else {
        return Some(Complaint { message: "is not the ARN of a managed policy".into(), advice });
    };
    arn.misplaced(region)
}

/// Whether IAM takes a path and a name ("CreatePolicy" in its API reference).
fn is_policy_name(text: &str) -> bool {
    let name = text.rsplit('/').next().unwrap_or_default();
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (1..=128).contains(&name.len()) && name.bytes().all(letter)
}

fn is_account(account: &str) -> bool {
    account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:";
    const PARAMETER: &str = "arn:aws:ssm:eu-west-1:123456789012:parameter/";

    fn of_secret(text: &str) -> Option<Complaint> {
        super::of_secret(text, "eu-west-1")
    }

    fn said(text: &str) -> String {
        of_secret(text).map(|complaint| complaint.message).unwrap_or_default()
    }

    #[test]
    fn a_secret_stands_alone_or_with_three_more_parts() {
        for fine in ["", ":password::", ":::", "::AWSPREVIOUS:", ":password::0a1b"] {
            assert_eq!(said(&format!("{SECRET}shop/key-AbCdEf{fine}")), "", "{fine}");
        }
        for wrong in [":", ":password", ":password:", "::::", ":a::b:c"] {
            let said = said(&format!("{SECRET}shop/key-AbCdEf{wrong}"));
            assert!(said.starts_with("has ") && said.ends_with("three or none"), "{wrong}: {said}");
        }
        let short = of_secret(&format!("{SECRET}shop-AbCdEf:password")).unwrap();
        assert!(short.advice.ends_with(", here `arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf:password::`"), "{}", short.advice);
        let both = said(&format!("{SECRET}shop-AbCdEf:password:AWSCURRENT:0a1b"));
        assert!(both.starts_with("names both a stage and a version"), "{both}");
    }

    #[test]
    fn a_secret_has_what_aws_puts_behind_its_name() {
        for name in ["shop", "shop/key", "shop-key", "shop-AbCdE", "shop-AbCd_f", "-AbCdEf"] {
            let complaint = of_secret(&format!("{SECRET}{name}")).unwrap();
            assert!(complaint.message.contains("not a whole ARN"), "{}", complaint.message);
            assert!(complaint.advice.contains(&format!("--secret-id {name} ")));
        }
    }

    #[test]
    fn what_may_be_read_is_no_pattern() {
        for arn in [format!("{SECRET}*"), format!("{SECRET}shop?-AbCdEf"), format!("{PARAMETER}*")]
        {
            assert!(said(&arn).starts_with("can't contain"), "{arn}");
        }
        assert_eq!(said(&format!("{PARAMETER}shop/Key_1.a-b")), "");
    }

    #[test]
    fn no_role_reaches_into_another_partition() {
        let policy = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
        assert!(of_policy(policy, "eu-central-1").is_none());
        let message = of_policy(policy, "cn-north-1").unwrap().message;
        assert_eq!(message, "is in the partition `aws`, and cn-north-1 in `aws-cn`");
        let secret = format!("{SECRET}shop-AbCdEf").replace("arn:aws:", "arn:aws-us-gov:");
        assert!(said(&secret).starts_with("is in the partition `aws-us-gov`"));
        assert!(super::of_secret(&secret, "us-gov-west-1").is_none());
    }

    #[test]
    fn a_policy_is_named_as_iam_names_them() {
        let own = "arn:aws:iam::123456789012:policy/team/shop+read";
        assert!(of_policy(own, "eu-west-1").is_none());
        for wrong in ["policy/", "policy/a*", "policy/team/", "role/a"] {
            let arn = format!("arn:aws:iam::123456789012:{wrong}");
            assert!(of_policy(&arn, "eu-west-1").is_some(), "{wrong}");
        }
    }
}
