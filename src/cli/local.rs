//! `provision local`: the AWS inside the program, for other programs.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::simulated_aws::endpoint::Endpoint;
use crate::simulated_aws::serve::losing::{Losing, Loss, Sight};

use super::arguments::{LocalCommand, LocalOptions, Overriding};
use super::context::Context;
use super::failure::Failure;

/// The region of the cloud that is served where neither an option nor a file names one.
const REGION: &str = "eu-west-1";

/// Which callers are cut off, to see how they go on.
#[derive(Clone, Debug, Args)]
pub struct LosingOptions {
    /// Lose a call: `before:17` before the 17th is carried out, `after:17` once it is.
    #[arg(long, value_name = "WHEN:CALL", value_delimiter = ',')]
    pub lose: Vec<Loss>,
    /// Leave the callers of lost calls waiting, rather than close their connections.
    #[arg(long, requires = "lose")]
    pub silently: bool,
}

pub async fn run(context: &Context, options: &LocalOptions) -> Result<ExitCode, Failure> {
    let LocalCommand::Serve { port, ref losing } = options.command;
    let directory = context.local_directory()?;
    let region = region(context)?;
    let endpoint = crate::simulated_aws::store::open(
        &directory,
        &region,
        context.global.time_scale,
        jiff::Timestamp::now,
    )?;
    lose(losing, &endpoint);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|source| Failure::NoPort { port, source })?;
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

/// The region whose cloud is served: that of the stack in whose directory it is served.
fn region(context: &Context) -> Result<String, Failure> {
    if let Some(region) = &context.global.region {
        return Ok(region.clone());
    }
    match context.config(&Overriding::default()) {
        Ok(config) => Ok(config.region),
        Err(Failure::NoFile(_)) => Ok(REGION.to_owned()),
        Err(failure) => Err(failure),
    }
}

/// Has calls lost as the options say; each is told on standard output, for whoever waits for it.
fn lose(options: &LosingOptions, endpoint: &Endpoint) {
    if options.lose.is_empty() {
        return;
    }
    let sight = if options.silently { Sight::Silence } else { Sight::Closed };
    let losing = Losing::new(options.lose.clone(), sight, super::printing::print);
    endpoint.interfere(Some(Box::new(losing)));
}
