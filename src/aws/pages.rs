//! Lists that AWS gives in pages.

use super::AwsError;

/// Reads all pages: `page` takes a token and gives items and the next token.
pub async fn pages<T, F, Fut>(page: F) -> Result<Vec<T>, AwsError>
where
    F: Fn(Option<String>) -> Fut,
    Fut: Future<Output = Result<(Vec<T>, Option<String>), AwsError>>,
{
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let (some, next) = page(token).await?;
        items.extend(some);
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(items);
        }
    }
}
