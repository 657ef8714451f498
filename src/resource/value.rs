//! Values of properties, and when one is as good as another.

use serde_json::Value;

/// Whether a value is as good as another.
///
/// Numbers are equal by value: AWS answers 60 where 60.0 was asked for. Bounds are equal to every
/// number within them, which an autoscaler chooses (aws-behaviour 26), and to the same bounds: what
/// they begin with counts only once. So two that are equal to a third need not be equal.
pub fn equal(declared: &Value, live: &Value) -> bool {
    match (declared, live) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (bounds, Value::Number(number)) | (Value::Number(number), bounds) => bounds_of(bounds)
            .zip(number.as_u64())
            .is_some_and(|((least, most), number)| (least..=most).contains(&number)),
        _ => {
            declared == live || bounds_of(declared).is_some_and(|one| bounds_of(live) == Some(one))
        }
    }
}

/// The least and the most, of bounds within which somebody else decides.
pub fn bounds_of(value: &Value) -> Option<(u64, u64)> {
    let member = |name: &str| value.as_object()?.get(name)?.as_u64();
    Some((member("minimum")?, member("maximum")?)).filter(|_| member("initial").is_some())
}
