//! A topic of SNS as a listener.

use aws_sdk_sns::types::MessageAttributeValue;
use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::Listener;
use super::message::Message;
use crate::aws::{Aws, Operation};

/// The longest subject that SNS takes, in characters (API reference, Publish: "less than 100").
const LONGEST_SUBJECT: usize = 99;

/// A topic that news is published to.
#[derive(Clone, Debug)]
pub struct Topic {
    aws: Aws,
    arn: String,
}

impl Topic {
    /// The topic of an ARN.
    pub fn new(aws: Aws, arn: impl Into<String>) -> Self {
        Self { aws, arn: arn.into() }
    }

    async fn publish(&self, message: &Message) -> Result<(), String> {
        const PUBLISH: Operation = Operation::new("sns:Publish");
        let (subject, text) = (subject(message), message.text());
        let send = || {
            let request = self.aws.sns().publish().topic_arn(&self.arn).subject(&subject);
            let request = request.message_attributes("id", attribute(&message.id));
            let worst = message.news.worst().map(|severity| attribute(severity.word()));
            let request = match worst {
                Some(worst) => request.message_attributes("severity", worst),
                None => request,
            };
            request.message(&text).send()
        };
        let published = self.aws.call(PUBLISH, send).await;
        published.map(drop).map_err(|error| error.to_string())
    }
}

impl Listener for Topic {
    fn name(&self) -> &'static str {
        "topic"
    }

    fn hear<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), String>> {
        self.publish(message).boxed()
    }
}

/// What a mail's subject says: SNS takes printable ASCII alone.
fn subject(message: &Message) -> String {
    let plain = message.subject().chars().filter(|letter| matches!(letter, ' '..='~')).collect();
    let mut plain: String = plain;
    plain.truncate(LONGEST_SUBJECT);
    plain
}

fn attribute(value: &str) -> MessageAttributeValue {
    let attribute =
        MessageAttributeValue::builder().data_type("String").string_value(value).build();
    attribute.expect("an attribute needs its type alone, and that is set")
}
