//! The endpoint behind the SDK's HTTP client.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::endpoint::{Endpoint, Headers, Reply};

/// An HTTP client for the SDK that answers from a simulated cloud.
#[derive(Clone, Debug)]
pub struct Connector(Arc<Endpoint>);

impl Connector {
    /// A client whose every request is answered by `endpoint`.
    #[must_use]
    pub fn new(endpoint: Arc<Endpoint>) -> Self {
        Self(endpoint)
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let endpoint = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
            let body = request.body().bytes().unwrap_or_default();
            let headers = Headers {
                authorization: &header("authorization"),
                target: &header("x-amz-target"),
                user_agent: &header("user-agent"),
            };
            let reply = endpoint
                .answer(headers, body)
                .await
                .map_err(|error| ConnectorError::io(Box::new(error)))?;
            into_response(reply)
        })
    }
}

fn into_response(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
    let status = reply.answer.status.try_into().map_err(|error| user(Box::new(error)))?;
    let mut response = HttpResponse::new(status, SdkBody::from(reply.answer.body));
    response.headers_mut().insert("content-type", reply.answer.content_type);
    response.headers_mut().insert("x-amzn-requestid", reply.request_id);
    Ok(response)
}
