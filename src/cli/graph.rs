//! `provision graph`: the dependency graph, with the reasons on its edges.

use std::process::ExitCode;

use crate::deployment::draw;
use crate::report::json;

use super::arguments::{GraphFormat, GraphOptions, Overriding};
use super::context::{Context, StackName, new_state};
use super::failure::Failure;

pub async fn run(context: &Context, options: &GraphOptions) -> Result<ExitCode, Failure> {
    let config = context.config(&Overriding::default())?;
    let cloud = context.connect(&config.region).await?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let state = match context.state(&name).await? {
        Some(state) => state,
        None => new_state(&cloud.aws, &config).await?,
    };
    let graph = draw(&cloud.aws, &config, &state).await?.graph;
    let format = if context.global.json { GraphFormat::Json } else { options.format };
    context.print(&match format {
        GraphFormat::Dot => graph.to_dot(),
        GraphFormat::Mermaid => graph.to_mermaid(),
        GraphFormat::Json => json::document(&graph.to_value()),
    });
    Ok(ExitCode::SUCCESS)
}
