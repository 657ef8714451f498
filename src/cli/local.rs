//! `provision local`: the AWS inside the program, for other programs.

use std::process::ExitCode;
use std::sync::Arc;

use super::arguments::{LocalCommand, LocalOptions};
use super::context::Context;
use super::failure::Failure;

/// The region of the cloud that is served when none is named.
const REGION: &str = "eu-west-1";

pub async fn run(context: &Context, options: &LocalOptions) -> Result<ExitCode, Failure> {
    let LocalCommand::Serve { port } = options.command;
    let directory = context.global.state_dir.join("local");
    let region = context.global.region.as_deref().unwrap_or(REGION);
    let endpoint = crate::simulated_aws::store::open(
        &directory,
        region,
        context.global.time_scale,
        jiff::Timestamp::now,
    )?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    context.print(&format!("listening on http://{}", listener.local_addr()?));
    let stop = async {
        // Without signals the server stops with its process.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    crate::simulated_aws::serve::serve(listener, Arc::new(endpoint), stop).await;
    Ok(ExitCode::SUCCESS)
}
