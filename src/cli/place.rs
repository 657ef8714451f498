//! Where the states are: in a directory or in a bucket, as the command line or the file says.
//!
//! The rule: `--state-dir` before the file, the file before the directory `state`. With `--local`
//! it is always a directory, in which the states of the AWS inside the program lie apart.

use std::fmt;
use std::path::{Path, PathBuf};

use aws_sdk_s3::types::BucketLocationConstraint;

use crate::aws::{Aws, Operation, home_of};
use crate::config;
use crate::state::store::{Bucket, BucketPlace, Directory, Store, StoreError};

use super::arguments::Global;
use super::connect;
use super::failure::Failure;

/// The directory that holds the states, unless another place is named.
const DIRECTORY: &str = "state";

/// How a bucket is told from a directory.
const SCHEME: &str = "s3://";

const LOCATION: Operation = Operation::new("s3:GetBucketLocation");

/// Where states are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket, in a region; `None` where S3 is to be asked which.
    Bucket(BucketPlace, Option<String>),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(formatter),
            Self::Bucket(place, _) => place.fmt(formatter),
        }
    }
}

impl Place {
    /// The place that a text names: `s3://bucket/prefix`, or a directory.
    pub fn named(text: &Path) -> Self {
        let Some(rest) = text.to_str().and_then(|text| text.strip_prefix(SCHEME)) else {
            return Self::Directory(text.to_owned());
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, prefix) = (bucket.to_owned(), prefix.trim_matches('/').to_owned());
        Self::Bucket(BucketPlace { bucket, prefix, kms_key: None }, None)
    }

    /// The same, with the key that a file names for the states in the same bucket.
    #[must_use]
    pub fn knowing(self, said: &config::State) -> Self {
        match self {
            Self::Bucket(place, region) if said.bucket.as_ref() == Some(&place.bucket) => {
                Self::Bucket(BucketPlace { kms_key: said.kms_key.clone(), ..place }, region)
            }
            other => other,
        }
    }

    /// The place that a file names, of a stack in a region; `None` where it names no bucket.
    pub fn of_file(state: &config::State, region: &str) -> Option<Self> {
        let config::State { bucket, prefix, region: own, kms_key } = state.clone();
        let prefix = prefix.unwrap_or_default().trim_end_matches('/').to_owned();
        let place = BucketPlace { bucket: bucket?, prefix, kms_key };
        Some(Self::Bucket(place, Some(own.unwrap_or_else(|| region.to_owned()))))
    }

    /// The directory that is used where nothing else is said.
    pub fn usual() -> Self {
        Self::Directory(DIRECTORY.into())
    }

    /// The place of the states of the AWS inside the program, beside those of the real one.
    ///
    /// # Errors
    ///
    /// [`Failure::LocalBucket`] where that is a bucket.
    pub fn local(self) -> Result<PathBuf, Failure> {
        match self {
            Self::Directory(path) => Ok(path.join("local")),
            Self::Bucket(place, _) => Err(Failure::LocalBucket(place.to_string())),
        }
    }

    /// Where the snapshot of a stack is.
    pub fn snapshot(&self, stack: &str, environment: &str) -> PathBuf {
        match self {
            Self::Directory(path) => path.join(format!("{stack}-{environment}.json")),
            Self::Bucket(place, _) => format!("{place}/{stack}-{environment}.json").into(),
        }
    }

    /// The states there.
    ///
    /// # Errors
    ///
    /// When AWS can't be reached, and where no bucket can be called so.
    pub async fn open(self, global: &Global) -> Result<Store, Failure> {
        let (place, region) = match self {
            Self::Directory(path) => return Ok(Store::Directory(Directory::new(path))),
            Self::Bucket(place, region) => (place, region),
        };
        if let Some(complaint) = config::bucket_complaint(&place.bucket) {
            return Err(Failure::BucketName { name: place.bucket, complaint });
        }
        let region = if let Some(region) = region {
            region
        } else {
            // S3 says there of every bucket of the partition where it is.
            let usual = connect::usual_region(global).await.unwrap_or_default();
            region_of(&reach(global, home_of(&usual)).await?, &place).await?
        };
        Ok(Store::Bucket(Bucket::new(reach(global, &region).await?, place)))
    }
}

async fn reach(global: &Global, region: &str) -> Result<Aws, Failure> {
    Ok(Box::pin(connect::connect(global, Path::new(DIRECTORY), region)).await?.aws)
}

/// The region in which a bucket is. The oldest has no name here, and one goes by its old name.
async fn region_of(aws: &Aws, place: &BucketPlace) -> Result<String, StoreError> {
    let send = || aws.s3().get_bucket_location().bucket(&place.bucket).send();
    let located = aws.call(LOCATION, send).await.map_err(|source| StoreError::Bucket {
        action: "looking for",
        path: place.to_string().into(),
        source,
    });
    let constraint = located?.location_constraint;
    Ok(match constraint.as_ref().map(BucketLocationConstraint::as_str) {
        None | Some("") => aws.region().to_owned(),
        Some("EU") => "eu-west-1".to_owned(),
        Some(region) => region.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory_or_a_bucket_with_a_prefix() {
        assert_eq!(Place::named(Path::new("a/b")), Place::Directory("a/b".into()));
        for (text, bucket, prefix) in [
            ("s3://acme", "acme", ""),
            ("s3://acme/", "acme", ""),
            ("s3://acme/team-a/shop/", "acme", "team-a/shop"),
        ] {
            let Place::Bucket(place, None) = Place::named(Path::new(text)) else {
                panic!("{text}")
            };
            assert_eq!((place.bucket.as_str(), place.prefix.as_str()), (bucket, prefix));
        }
    }

    #[test]
    fn the_key_of_a_file_is_that_of_its_bucket_alone() {
        let said = config::State {
            bucket: Some("acme".into()),
            kms_key: Some("alias/state".into()),
            ..config::State::default()
        };
        let key = |text: &str| match Place::named(Path::new(text)).knowing(&said) {
            Place::Bucket(place, _) => place.kms_key,
            Place::Directory(_) => None,
        };
        assert_eq!(key("s3://acme/other"), said.kms_key);
        assert_eq!(key("s3://others"), None);
        assert_eq!(key("acme"), None);
    }

    #[test]
    fn where_a_bucket_is_is_asked_in_its_own_partition() {
        assert_eq!(home_of("cn-northwest-1"), "cn-north-1");
        assert_eq!(home_of("us-gov-east-1"), "us-gov-west-1");
        assert_eq!(home_of("eusc-de-east-1"), "eusc-de-east-1");
        assert_eq!(home_of("eu-west-1"), "us-east-1");
        assert_eq!(home_of(""), "us-east-1");
    }

    #[test]
    fn a_file_names_a_bucket_in_its_own_region_or_the_stacks() {
        let state = config::State { bucket: Some("acme".into()), ..config::State::default() };
        let Some(place) = Place::of_file(&state, "eu-west-1") else { panic!("it is a bucket") };
        assert_eq!(place.to_string(), "s3://acme");
        assert!(matches!(place, Place::Bucket(_, Some(region)) if region == "eu-west-1"));
        let state =
            config::State { prefix: Some("a/".into()), region: Some("us-east-1".into()), ..state };
        let Some(place) = Place::of_file(&state, "eu-west-1") else { panic!("it is a bucket") };
        assert_eq!(place.snapshot("web", "dev"), PathBuf::from("s3://acme/a/web-dev.json"));
        assert!(matches!(place, Place::Bucket(_, Some(region)) if region == "us-east-1"));
        assert_eq!(Place::of_file(&config::State::default(), "eu-west-1"), None);
    }
}
