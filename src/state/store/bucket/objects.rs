//! Objects, read and put under conditions.
//!
//! The rule: a put whose answer was lost is known afterwards to have been done or not. Every put
//! carries its writer's name, so what a repeated put finds in its place is told from somebody
//! else's.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::error::ErrorMetadata;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::delete_objects::{DeleteObjectsError, DeleteObjectsOutput};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier, ServerSideEncryption};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;

use super::BucketPlace;
use crate::aws::{Aws, AwsError, Operation, Patience};
use crate::state::store::error::StoreError;

/// Two conditional requests for one object met (`PutObject` in the API reference: "on a 409 failure
/// you should retry the upload").
const CONFLICT: &[Patience] = &[Patience::with(
    &["ConditionalRequestConflict", "OperationAborted"],
    Duration::from_mins(1),
    "another request for the same object was under way",
)];

const GET: Operation = Operation::new("s3:GetObject");
const PUT: Operation = Operation::patient("s3:PutObject", CONFLICT);
const DELETE: Operation = Operation::patient("s3:DeleteObject", CONFLICT);
const LIST: Operation = Operation::new("s3:ListBucket");

/// The metadata that says who put an object.
const WRITER: &str = "provision-writer";

/// How many objects one call deletes.
const DELETED_AT_ONCE: usize = 1000;

/// The objects of a bucket.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    aws: Aws,
    bucket: String,
    kms_key: Option<String>,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub body: Vec<u8>,
    pub etag: String,
    /// Who put it.
    pub writer: Option<String>,
    /// How long ago it was put, by S3's own clock; `None` where S3 did not say.
    pub age: Option<Duration>,
}

/// What a put asks of what is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Condition<'a> {
    /// Nothing is.
    Absent,
    /// It is what was read, with this ETag.
    Unchanged(&'a str),
}

/// What came of a put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is there, with this ETag.
    Done(String),
    /// The condition does not hold.
    Refused,
}

/// An object in a list.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub is_empty: bool,
}

impl Objects {
    pub fn new(aws: Aws, place: &BucketPlace) -> Self {
        Self { aws, bucket: place.bucket.clone(), kms_key: place.kms_key.clone() }
    }

    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Reads an object; `None` when there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let answered = Answered::default();
        let send = || async {
            let request = self.aws.s3().get_object().bucket(&self.bucket).key(key);
            let mut output = request.customize().interceptor(answered.clone()).send().await?;
            let body = std::mem::take(&mut output.body).collect().await;
            let broken = |error| SdkError::dispatch_failure(ConnectorError::io(Box::new(error)));
            Ok::<_, SdkError<GetObjectError>>((output, body.map_err(broken)?))
        };
        let (output, body) = match self.aws.call(GET, send).await {
            Err(error) if error.has_code("NoSuchKey") => return Ok(None),
            other => other.map_err(|error| self.error("reading", key, error))?,
        };
        let age = output.last_modified.zip(answered.at()).map(|(put, now)| {
            Duration::from_secs(u64::try_from(now.secs() - put.secs()).unwrap_or_default())
        });
        let writer = output.metadata.unwrap_or_default().remove(WRITER);
        let etag = output.e_tag.unwrap_or_default();
        Ok(Some(Object { body: body.to_vec(), etag, writer, age }))
    }

    /// Puts an object where the condition holds.
    pub async fn put(
        &self,
        key: &str,
        body: &[u8],
        writer: &str,
        condition: Condition<'_>,
    ) -> Result<Put, StoreError> {
        let send = || {
            let request = self.aws.s3().put_object().bucket(&self.bucket).key(key);
            let request = request.metadata(WRITER, writer).content_type("application/json");
            let request = match condition {
                Condition::Absent => request.if_none_match("*"),
                Condition::Unchanged(etag) => request.if_match(etag),
            };
            let encryption = self.kms_key.as_ref().map(|_| ServerSideEncryption::AwsKms);
            request
                .set_server_side_encryption(encryption)
                .set_ssekms_key_id(self.kms_key.clone())
                .body(ByteStream::from(body.to_vec()))
                .send()
        };
        match self.aws.call(PUT, send).await {
            Ok(output) => Ok(Put::Done(output.e_tag.unwrap_or_default())),
            Err(error) if is_refused(&error) => self.own(key, body, writer).await,
            Err(error) => Err(self.error("writing", key, error)),
        }
    }

    /// What a refused put finds: its own object, where an earlier attempt was not answered.
    async fn own(&self, key: &str, body: &[u8], writer: &str) -> Result<Put, StoreError> {
        let found = self.get(key).await?;
        let own =
            found.filter(|found| found.body == body && found.writer.as_deref() == Some(writer));
        Ok(own.map_or(Put::Refused, |own| Put::Done(own.etag)))
    }

    /// Deletes an object that is what was read; says whether it did. One that is not, or is gone, is
    /// left alone.
    pub async fn delete_if(&self, key: &str, etag: &str) -> Result<bool, StoreError> {
        let send =
            || self.aws.s3().delete_object().bucket(&self.bucket).key(key).if_match(etag).send();
        match self.aws.call(DELETE, send).await {
            Ok(_) => Ok(true),
            Err(error) if is_refused(&error) => Ok(false),
            Err(error) => Err(self.error("removing", key, error)),
        }
    }

    /// Deletes objects.
    pub async fn delete(&self, keys: &[String]) -> Result<(), StoreError> {
        for some in keys.chunks(DELETED_AT_ONCE) {
            let first = some.first().map_or("", String::as_str);
            let named = |key: &String| ObjectIdentifier::builder().key(key).build();
            let objects: Result<Vec<_>, _> = some.iter().map(named).collect();
            let objects = objects.expect("every object has a key");
            let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
            let delete = delete.expect("there are objects");
            let send = async || {
                let request = self.aws.s3().delete_objects().bucket(&self.bucket);
                all_deleted(request.delete(delete.clone()).send().await?)
            };
            let failed = |error| self.error("removing", first, error);
            self.aws.call(DELETE, send).await.map_err(failed)?;
        }
        Ok(())
    }

    /// The objects whose keys begin with `prefix`, in order; with a delimiter, only those whose
    /// keys have none behind it.
    pub async fn list(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
    ) -> Result<Vec<Entry>, StoreError> {
        let (mut listed, mut token) = (Vec::new(), None);
        loop {
            let send = || {
                let request = self.aws.s3().list_objects_v2().bucket(&self.bucket).prefix(prefix);
                let request = request.set_delimiter(delimiter.map(str::to_owned));
                request.set_continuation_token(token.clone()).send()
            };
            let failed = |error| self.error("listing", prefix, error);
            let page = self.aws.call(LIST, send).await.map_err(failed)?;
            for object in page.contents.unwrap_or_default() {
                let is_empty = object.size == Some(0);
                listed.extend(object.key.map(|key| Entry { key, is_empty }));
            }
            token = page.next_continuation_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(listed);
            }
        }
    }

    fn error(&self, action: &'static str, key: &str, source: AwsError) -> StoreError {
        let path = PathBuf::from(format!("s3://{}/{key}", self.bucket));
        StoreError::Bucket { action, path, source }
    }
}

/// An answer as the error of a call where it has one of a single object, each of which has a result
/// of its own (`DeleteObjects` in the API reference): what passes is then repeated as a call is. To
/// delete once more what is gone does nothing.
#[expect(clippy::result_large_err, reason = "it is the error that the SDK's calls give")]
fn all_deleted(
    output: DeleteObjectsOutput,
) -> Result<DeleteObjectsOutput, SdkError<DeleteObjectsError>> {
    let Some(error) = output.errors().first() else { return Ok(output) };
    let metadata = ErrorMetadata::builder()
        .code(error.code().unwrap_or_default())
        .message(error.message().unwrap_or_default())
        .build();
    let ok = StatusCode::try_from(200).expect("it is a status");
    let answer = HttpResponse::new(ok, SdkBody::empty());
    Err(SdkError::service_error(DeleteObjectsError::generic(metadata), answer))
}

/// Whether S3 says that the condition does not hold: there is something else, or nothing.
fn is_refused(error: &AwsError) -> bool {
    ["PreconditionFailed", "NoSuchKey"].iter().any(|code| error.has_code(code))
}

/// Listens for the time at which S3 answered, which is S3's own.
#[derive(Clone, Debug, Default)]
struct Answered(Arc<Mutex<Option<DateTime>>>);

impl Answered {
    fn at(&self) -> Option<DateTime> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Answered {
    fn name(&self) -> &'static str {
        "Answered"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let said = context.response().headers().get("date");
        let at = said.and_then(|said| DateTime::from_str(said, Format::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
        Ok(())
    }
}
