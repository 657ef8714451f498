//! Whether a bucket is one in which a state is safe: nobody else can read it, and what was
//! overwritten is kept.

use std::fmt;

use aws_sdk_s3::types::{BucketVersioningStatus, PublicAccessBlockConfiguration};

use super::Bucket;
use crate::aws::{AwsError, Class, Operation};
use crate::state::store::error::StoreError;

const BLOCK: Operation = Operation::new("s3:GetBucketPublicAccessBlock");
const POLICY: Operation = Operation::new("s3:GetBucketPolicyStatus");
const VERSIONING: Operation = Operation::new("s3:GetBucketVersioning");

/// Why everybody can read a bucket, or soon could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// These of the four switches that keep the public out are off.
    Unblocked(Vec<&'static str>),
    /// Its policy lets everybody in.
    Policy,
}

impl fmt::Display for Exposure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unblocked(off) if off.len() == SWITCHES => {
                formatter.write_str("it does not block public access")
            }
            Self::Unblocked(off) => {
                write!(formatter, "it does not block public access: {} is off", off.join(", "))
            }
            Self::Policy => formatter.write_str("its policy lets everybody in"),
        }
    }
}

/// What is better mended, and does not keep from going on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caution {
    /// It keeps no old versions.
    Unversioned,
    /// It can't be seen whether it is safe: this operation is not allowed.
    Unseen(&'static str),
}

const SWITCHES: usize = 4;

/// What was seen of one thing; `Err` with the operation that is not allowed.
type Look<T> = Result<T, &'static str>;

impl Bucket {
    /// Looks whether a state is safe here.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exposed`] when others could read it; otherwise when S3 does not answer.
    pub async fn inspect(&self) -> Result<Vec<Caution>, StoreError> {
        let (block, policy, versioned) =
            futures::try_join!(self.block(), self.has_public_policy(), self.is_versioned())?;
        if let Some(exposure) = exposure(&block, &policy) {
            let bucket = self.objects.bucket().to_owned();
            return Err(StoreError::Exposed { bucket, exposure });
        }
        let unseen = [block.err(), policy.err(), versioned.err()];
        let mut cautions: Vec<_> = unseen.into_iter().flatten().map(Caution::Unseen).collect();
        if versioned == Ok(false) {
            cautions.push(Caution::Unversioned);
        }
        Ok(cautions)
    }

    async fn block(&self) -> Result<Look<Option<PublicAccessBlockConfiguration>>, StoreError> {
        let (aws, bucket) = (self.objects.aws(), self.objects.bucket());
        let send = || aws.s3().get_public_access_block().bucket(bucket).send();
        match aws.call(BLOCK, send).await {
            Ok(output) => Ok(Ok(output.public_access_block_configuration)),
            Err(error) if error.has_code("NoSuchPublicAccessBlockConfiguration") => Ok(Ok(None)),
            Err(error) => self.unseen(error),
        }
    }

    async fn has_public_policy(&self) -> Result<Look<bool>, StoreError> {
        let (aws, bucket) = (self.objects.aws(), self.objects.bucket());
        let send = || aws.s3().get_bucket_policy_status().bucket(bucket).send();
        match aws.call(POLICY, send).await {
            Ok(output) => {
                let status = output.policy_status;
                Ok(Ok(status.and_then(|status| status.is_public).unwrap_or_default()))
            }
            Err(error) if error.has_code("NoSuchBucketPolicy") => Ok(Ok(false)),
            Err(error) => self.unseen(error),
        }
    }

    async fn is_versioned(&self) -> Result<Look<bool>, StoreError> {
        let (aws, bucket) = (self.objects.aws(), self.objects.bucket());
        let send = || aws.s3().get_bucket_versioning().bucket(bucket).send();
        match aws.call(VERSIONING, send).await {
            Ok(output) => Ok(Ok(output.status == Some(BucketVersioningStatus::Enabled))),
            Err(error) => self.unseen(error),
        }
    }

    /// What may not be looked at, or is not known where somebody stands in for S3, is no reason to
    /// stop.
    fn unseen<T>(&self, error: AwsError) -> Result<Look<T>, StoreError> {
        let unknown = ["NotImplemented", "MethodNotAllowed"];
        if error.class() == Class::Denied || unknown.iter().any(|code| error.has_code(code)) {
            return Ok(Err(error.operation()));
        }
        let path = self.place.to_string().into();
        Err(StoreError::Bucket { action: "looking at", path, source: error })
    }
}

fn exposure(
    block: &Look<Option<PublicAccessBlockConfiguration>>,
    policy: &Look<bool>,
) -> Option<Exposure> {
    if *policy == Ok(true) {
        return Some(Exposure::Policy);
    }
    let block = block.as_ref().ok()?.as_ref();
    let is_on = |switch: Option<bool>| switch == Some(true);
    let switches: [(&'static str, bool); SWITCHES] = [
        ("BlockPublicAcls", is_on(block.and_then(|block| block.block_public_acls))),
        ("IgnorePublicAcls", is_on(block.and_then(|block| block.ignore_public_acls))),
        ("BlockPublicPolicy", is_on(block.and_then(|block| block.block_public_policy))),
        ("RestrictPublicBuckets", is_on(block.and_then(|block| block.restrict_public_buckets))),
    ];
    let off: Vec<_> = switches.iter().filter(|(_, on)| !on).map(|(name, _)| *name).collect();
    (!off.is_empty()).then_some(Exposure::Unblocked(off))
}
