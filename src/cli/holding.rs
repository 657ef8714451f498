//! `provision state lock` and `unlock`: who is at work on a stack, and how to end what nobody ends.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::report::json;
use crate::state::store::{Store, StoreError, Tenure};

use super::ask;
use super::context::{Context, StackName};
use super::failure::Failure;

#[derive(Debug, Args)]
pub struct UnlockOptions {
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Shows who has the lock.
pub async fn show(context: &Context) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let tenure = context.store().await?.tenure(&name.stack, &name.environment).await?;
    if context.global.json {
        let ends_in_s =
            tenure.as_ref().and_then(|tenure| tenure.ends_in).map(|left| left.as_secs());
        let holder = tenure.map(|tenure| tenure.holder);
        context.print(&json::document(&json!({ "holder": holder, "ends_in_s": ends_in_s })));
    } else {
        context.print(&said(&name, tenure.as_ref()));
    }
    Ok(ExitCode::SUCCESS)
}

fn said(name: &StackName, tenure: Option<&Tenure>) -> String {
    let StackName { stack, environment } = name;
    let Some(Tenure { holder, ends_in, .. }) = tenure else {
        return format!("Nobody is at work on {stack}-{environment}.");
    };
    let end = match ends_in {
        Some(left) => format!("It ends in {} s, unless it is renewed.", left.as_secs()),
        None => "It ends with that process.".to_owned(),
    };
    format!("{holder} is at work on {stack}-{environment}.\n{end}")
}

/// Takes the lock away from whoever has it, where that can be done.
pub async fn unlock(context: &Context, options: &UnlockOptions) -> Result<ExitCode, Failure> {
    let name = context.stack_name().await?;
    let store = context.store().await?;
    let tenure = match store.tenure(&name.stack, &name.environment).await {
        Err(error @ StoreError::NoLease { .. }) => {
            context.tell(&format!("{error}."));
            None
        }
        Ok(None) => {
            context.tell(&said(&name, None));
            return Ok(ExitCode::SUCCESS);
        }
        settled => settled?,
    };
    let (bucket, shown) = match (store, tenure) {
        (Store::Directory(_), Some(tenure)) => return Err(Failure::Unbreakable(tenure.holder)),
        (Store::Directory(_), None) => return Ok(ExitCode::SUCCESS),
        (Store::Bucket(bucket), None) => (bucket, None),
        (Store::Bucket(bucket), Some(tenure)) => {
            context.tell(&said(&name, Some(&tenure)));
            (bucket, tenure.lease)
        }
    };
    context.tell(
        "Whoever has it can record nothing more: what they are doing in AWS may be left in doubt.",
    );
    if !options.yes {
        ask::confirm("Take it away? Only `yes` is a yes:", "yes")?;
    }
    if bucket.unlock(&name.stack, &name.environment, shown.as_deref()).await? {
        context.tell("It is taken away. The next `up` or `down` settles what was left in doubt.");
    } else {
        context.tell("It was given back meanwhile.");
    }
    Ok(ExitCode::SUCCESS)
}
