//! `provision plan`: shows what `up` would do, and changes nothing.

use std::process::ExitCode;

use crate::report::human::{self, Look, Values};
use crate::report::json;

use super::arguments::PlanOptions;
use super::beside::draw_up;
use super::context::{Context, StackName};
use super::failure::Failure;
use super::preflight;

pub async fn run(context: &Context, options: &PlanOptions) -> Result<ExitCode, Failure> {
    let config = context.config(&options.overriding)?;
    let cloud = context.connect(&config.region).await?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let (state, drawing) = draw_up(context, &cloud.aws, &config, &name).await?;
    let preflight = crate::preflight::look(&cloud.aws, &drawing.plan).await;
    let values = if options.show_values { Values::Shown } else { Values::Hidden };
    if context.global.json {
        let mut document = json::plan(&drawing.plan, values, &config.warnings());
        document["preflight"] = preflight::document(&preflight);
        context.print(&json::document(&document));
    } else {
        context.warn(&config.warnings());
        context.print(&human::plan(&drawing.plan, Look::stdout(values)));
        preflight::show(context, &preflight);
    }
    if (state.protected || config.protect)
        && let Err(protected) = drawing.plan.keeps_what_is_protected()
    {
        context.tell(&format!("`up` will refuse this: {protected}"));
    }
    if let Some(path) = &options.out {
        super::saved::write(path, &options.overriding, &drawing.plan)?;
    }
    let something = options.detailed_exitcode && !drawing.plan.is_empty();
    Ok(if something { ExitCode::from(2) } else { ExitCode::SUCCESS })
}
