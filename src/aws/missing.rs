//! What is missing, where AWS says so with an error; and asking for many by ARN where one that is
//! missing fails the call for all (aws-behaviour 21).

use std::future::Future;

use futures::future::try_join_all;

use super::AwsError;

/// What is not there needs no deleting.
///
/// # Errors
///
/// Every other error.
pub fn gone_is_done(result: Result<(), AwsError>) -> Result<(), AwsError> {
    unless_gone(result).map(Option::unwrap_or_default)
}

/// What AWS answered; `None` when what was asked for is not there.
///
/// # Errors
///
/// Every other error.
pub fn unless_gone<T>(result: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match result {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// What there is of `arns`, asked for `at_once` in a call, all calls side by side.
///
/// A call that fails because something is missing says nothing of the rest, so its ARNs are asked
/// for one by one.
pub async fn present<T, F, Fut>(
    arns: Vec<String>,
    at_once: usize,
    ask: F,
) -> Result<Vec<T>, AwsError>
where
    F: Fn(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Vec<T>, AwsError>>,
{
    let some = arns.chunks(at_once).map(<[String]>::to_vec);
    let found = try_join_all(some.map(|some| present_of_some(some, &ask))).await?;
    Ok(found.into_iter().flatten().collect())
}

/// What there is of as many ARNs as one call takes.
pub async fn present_of_some<T, F, Fut>(arns: Vec<String>, ask: &F) -> Result<Vec<T>, AwsError>
where
    F: Fn(Vec<String>) -> Fut,
    Fut: Future<Output = Result<Vec<T>, AwsError>>,
{
    let alone = arns.len() == 1;
    match ask(arns.clone()).await {
        Err(error) if error.is_gone() && !alone => {
            let each = arns.into_iter().map(|arn| nothing_if_gone(ask(vec![arn])));
            Ok(try_join_all(each).await?.into_iter().flatten().collect())
        }
        answer => nothing_if_gone(async { answer }).await,
    }
}

async fn nothing_if_gone<T>(
    answer: impl Future<Output = Result<Vec<T>, AwsError>>,
) -> Result<Vec<T>, AwsError> {
    Ok(unless_gone(answer.await)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::aws::Operation;

    const DESCRIBE: Operation = Operation::new("elasticloadbalancing:DescribeListeners");

    /// Asks of an account where every ARN exists but `missing`; gives what was found and how many
    /// ARNs each call named.
    async fn ask_for(count: usize, missing: &[&str]) -> (Vec<String>, Vec<usize>) {
        let calls = Mutex::new(Vec::new());
        let arns = (0..count).map(|number| format!("arn-{number}")).collect();
        let found = present(arns, 20, |some: Vec<String>| {
            calls.lock().unwrap().push(some.len());
            let gone = some.iter().any(|arn| missing.contains(&arn.as_str()));
            async move {
                if gone {
                    return Err(AwsError::reported(DESCRIBE, "ListenerNotFound", "not there"));
                }
                Ok(some)
            }
        })
        .await
        .unwrap();
        (found, calls.into_inner().unwrap())
    }

    #[tokio::test]
    async fn as_many_as_a_call_takes_are_asked_for_at_once() {
        let (found, calls) = ask_for(45, &[]).await;
        assert_eq!(found.len(), 45);
        assert_eq!(calls, [20, 20, 5]);
    }

    #[tokio::test]
    async fn nothing_is_asked_for_nothing() {
        assert_eq!(ask_for(0, &[]).await, (vec![], vec![]));
    }

    #[tokio::test]
    async fn a_missing_one_costs_its_neighbours_a_call_each_and_nothing_else() {
        let (found, calls) = ask_for(3, &["arn-1"]).await;
        assert_eq!(found, ["arn-0", "arn-2"]);
        assert_eq!(calls, [3, 1, 1, 1]);
    }

    #[tokio::test]
    async fn one_that_is_asked_for_alone_is_not_asked_for_again() {
        assert_eq!(ask_for(1, &["arn-0"]).await, (vec![], vec![1]));
    }

    #[tokio::test]
    async fn another_error_is_everybodys() {
        let answer = present(vec!["arn-0".into()], 20, |_| async {
            Err::<Vec<()>, _>(AwsError::reported(DESCRIBE, "AccessDenied", "no"))
        });
        assert!(answer.await.unwrap_err().has_code("AccessDenied"));
    }
}
