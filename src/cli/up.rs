//! `provision up`: makes the stack as it is described.

use std::process::ExitCode;

use crate::aws::Aws;
use crate::config::Config;
use crate::deployment::Drawing;
use crate::drift::{Decided, Outside};
use crate::execute::schedule::schedule;
use crate::execute::{Hopeless, Limits};
use crate::plan::Plan;
use crate::report::ending::Ending;
use crate::report::human::{self, Look, Values};
use crate::report::outside::{self as report, Answers};
use crate::report::{json, status};
use crate::resource::Kind;
use crate::rollback;
use crate::stack::outputs::outputs;
use crate::state::State;
use crate::state::store::{Recorder as _, StoreError, Writer};

use super::arguments::UpOptions;
use super::ask;
use super::connect::Cloud;
use super::context::{Context, StackName, new_state};
use super::failure::{self, Failure};
use super::locking::lock;
use super::outside::Question;
use super::preflight;
use super::run::{self, Running};
use super::saved;
use super::verifying;

pub async fn run(context: &Context, mut options: UpOptions) -> Result<ExitCode, Failure> {
    if let Some(path) = &options.plan {
        (options.overriding, options.deciding) = saved::said(path)?;
    }
    let config = context.config(&options.overriding)?;
    let cloud = context.connect(&config.region).await?;
    let name = StackName { stack: config.name.clone(), environment: config.environment.clone() };
    let lock = lock(context, &name, "up", options.locking).await?;
    let mut state = match context.state(&name).await? {
        Some(state) => state,
        None => new_state(&cloud.aws, &config).await?,
    };
    crate::deployment::check_place(&cloud.aws, &state).await?;
    state.protected |= config.protect;
    // Where nothing is recorded, nothing is written before it is known that nothing was lost: an
    // empty state would hide it from `down`.
    let drawn = if state.is_blank() {
        Some(preflight::draw(context, &cloud.aws, &config, &state).await?)
    } else {
        None
    };
    let mut writer = lock.begin(state).await?;
    run::settle(context, &cloud.aws, &mut writer).await?;
    let ending = carry_out(context, &options, &config, &cloud, &mut writer, drawn).await;
    let state = writer.state().clone();
    let written =
        if state.is_blank() { writer.retire().await } else { writer.finish().await.map(drop) };
    let mut ending = run::before(context, ending, &written)?;
    ending.is_unrecorded = written.is_err();
    let following = options.following;
    // After the lock was lost, what is under way is a deployment of whoever has it.
    let is_ours = !matches!(written, Err(StoreError::Lost { .. }));
    if ending.is_interrupted() && following.rollback_on_interrupt && is_ours {
        let rolled_back = roll_back(context, &cloud.aws, &state, &ending).await;
        run::before(context, rolled_back, &written)?;
    }
    // What was done is done when it serves; where nothing was done, nobody asks.
    if ending.summary.is_complete() && !ending.summary.done.is_empty() {
        ending.is_unanswered = !verifying::answers(context, following, &cloud, &state).await;
    }
    let code = conclude(context, &ending, &state);
    written?;
    Ok(run::code(code))
}

/// Plans, shows, asks, and does it.
async fn carry_out(
    context: &Context,
    options: &UpOptions,
    config: &Config,
    cloud: &Cloud,
    writer: &mut Writer,
    drawn: Option<Drawing>,
) -> Result<Ending, Failure> {
    let (state, revocations) = options.deciding.revoked(writer.state());
    let drawing = match drawn {
        Some(drawing) => drawing,
        None => preflight::draw(context, &cloud.aws, config, &state).await?,
    };
    let (decided, is_settled) = decide(context, options, &Question::of(config, &state, &drawing))?;
    let plan = decided.plan;
    let missing = if options.no_preflight {
        Vec::new()
    } else {
        preflight::check(context, &cloud.aws, &plan).await?
    };
    if !is_settled && !plan.is_empty() {
        ask::confirm("Do this? Only `yes` is a yes:", "yes")?;
    }
    writer.record_all(revocations.into_iter().chain(decided.records).collect()).await?;
    preflight::make_first(context, &cloud.aws, &missing).await;
    let following = options.following;
    let hopeless = if following.no_early_abort { Hopeless::WaitOn } else { Hopeless::GiveUp };
    let wait_for_services = !following.no_wait;
    let limits = Limits::of(&config.timeouts);
    let running = Running { wait_for_services, hopeless, timeout: options.timeout, limits };
    run::carry_out(context, &cloud.aws, &plan, writer, running).await
}

/// Shows the plan, and has it decided what becomes of the changes of others; says whether the rest is
/// settled too.
fn decide(
    context: &Context,
    options: &UpOptions,
    question: &Question<'_>,
) -> Result<(Decided, bool), Failure> {
    let answers = options.deciding.answers(&question.outside);
    let drawn_up = question.decided(answers.as_ref())?;
    if let Some(path) = &options.plan {
        saved::check(path, &drawn_up.plan)?;
    }
    let is_settled = options.yes
        || options.plan.is_some()
        || context.global.local
        || schedule(&drawn_up.plan).is_empty();
    let shown =
        Shown { plan: &drawn_up.plan, outside: &question.outside, answers: answers.as_ref() };
    show(context, options, question.config, &shown, is_settled && answers.is_some());
    if question.state.protected {
        drawn_up.plan.keeps_what_is_protected()?;
    }
    if answers.is_some() {
        return Ok((drawn_up, is_settled));
    }
    let answers = question.ask(context, !options.yes)?;
    let decided = question.decided(Some(&answers))?;
    failure::write(&format!("{}\n", human::summary(&decided.plan)));
    Ok((decided, is_settled))
}

/// What is shown of a plan.
struct Shown<'a> {
    plan: &'a Plan,
    outside: &'a Outside,
    answers: Option<&'a Answers>,
}

/// Shows the plan: always where somebody is to be asked about it.
fn show(
    context: &Context,
    options: &UpOptions,
    config: &Config,
    shown: &Shown<'_>,
    is_settled: bool,
) {
    let values = if options.show_values { Values::Shown } else { Values::Hidden };
    let Shown { plan, outside, answers } = *shown;
    if context.global.json {
        let mut event = json::plan(plan, values, &config.warnings());
        event["event"] = "plan".into();
        event["outside"] = report::document(outside, answers);
        context.print(&json::line(&event));
        return;
    }
    context.warn(&config.warnings());
    let drawn = report::plan(plan, outside, answers, Look::stderr(values));
    if is_settled {
        context.tell(&drawn);
    } else {
        failure::write(&drawn);
    }
}

/// Takes back every deployment that was under way when the run was interrupted.
async fn roll_back(
    context: &Context,
    aws: &Aws,
    state: &State,
    ending: &Ending,
) -> Result<(), Failure> {
    for service in ending.left_under_way().filter(|address| address.kind() == Kind::Service) {
        let Some(record) = state.resources.get(service) else { continue };
        let rollback = rollback::roll_back(aws, &record.outputs).await?;
        if context.global.json {
            let event = serde_json::json!({
                "event": "rollback", "address": service, "result": rollback,
            });
            context.print(&json::line(&event));
        } else {
            failure::write(&format!("{service}: {rollback}\n"));
        }
    }
    Ok(())
}

/// Says how the run ended, and what the stack has to say about itself.
fn conclude(context: &Context, ending: &Ending, state: &State) -> u8 {
    let outputs = outputs(state);
    let is_complete = ending.summary.is_complete();
    if context.global.json {
        if is_complete {
            let event = serde_json::json!({"event": "outputs", "outputs": outputs});
            context.print(&json::line(&event));
        }
        return run::conclude(context, ending, "up");
    }
    let code = run::conclude(context, ending, "up");
    if is_complete {
        context.print(&status::headline(&outputs));
        context.tell("`provision output` prints all of it, `provision output NAME` one value.");
        if context.global.local {
            context.tell("With --local the address exists only in the AWS inside the program.");
        }
    }
    code
}
