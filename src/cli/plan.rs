//! `provision plan`: shows what `up` would do, and changes nothing.

use std::process::ExitCode;

use crate::report::human::{Look, Values};
use crate::report::{json, outside};

use super::arguments::PlanOptions;
use super::beside::draw_up;
use super::context::{Context, StackName};
use super::failure::Failure;
use super::outside::Question;
use super::preflight;

pub async fn run(context: &Context, options: &PlanOptions) -> Result<ExitCode, Failure> {
    if let Some(path) = &options.out {
        super::saved::check_place(path, &context.global.file)?;
    }
    let config = context.config(&options.overriding)?;
    let cloud = context.connect(&config.region).await?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let (state, drawing) = draw_up(context, &cloud.aws, &config, &name, options.deciding).await?;
    let question = Question::of(&config, &state, &drawing);
    let answers = options.deciding.answers(&question.outside);
    let plan = question.decided(answers.as_ref())?.plan;
    let preflight = crate::preflight::look(&cloud.aws, &plan).await;
    let values = if options.show_values { Values::Shown } else { Values::Hidden };
    if context.global.json {
        let mut document = json::plan(&plan, values, &config.warnings());
        document["preflight"] = preflight::document(&preflight);
        document["outside"] = outside::document(&question.outside, answers.as_ref());
        context.print(&json::document(&document));
    } else {
        context.warn(&config.warnings());
        let look = Look::stdout(values);
        context.print(&outside::plan(&plan, &question.outside, answers.as_ref(), look));
        preflight::show(context, &preflight);
    }
    if (state.protected || config.protect)
        && let Err(protected) = plan.keeps_what_is_protected()
    {
        context.tell(&format!("`up` will refuse this: {protected}"));
    }
    if let Some(path) = &options.out {
        super::saved::write(path, &options.overriding, options.deciding, &plan)?;
    }
    let something = options.detailed_exitcode && !plan.is_empty();
    Ok(if something { ExitCode::from(2) } else { ExitCode::SUCCESS })
}
