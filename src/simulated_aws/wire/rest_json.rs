//! REST-JSON as EventBridge Scheduler speaks it: the operation is in method and path, members are in
//! the path, the query and a JSON body (the API reference of EventBridge Scheduler).

use serde_json::{Map, Value, json};

use super::{Answer, ApiError, Request, WireAnswer};

/// Reads an operation and its members out of a request; the operation is empty where method and path
/// are of none that is known here.
///
/// # Errors
///
/// As [`json::read`](super::json::read).
pub(super) fn read(request: &Request) -> Result<(String, Value), ApiError> {
    let mut members = super::json::read(&request.body)?;
    for (name, value) in request.query() {
        members.entry(member_name(&name)).or_insert_with(|| value.into());
    }
    let path = request.path();
    let parts: Vec<&str> = path.trim_start_matches('/').splitn(2, '/').collect();
    let operation = match (request.method.as_str(), &parts[..]) {
        ("GET", ["schedules"]) => "ListSchedules",
        ("GET", ["schedule-groups"]) => "ListScheduleGroups",
        (method, ["schedules", name]) => {
            insert(&mut members, "Name", name);
            match method {
                "POST" => "CreateSchedule",
                "GET" => "GetSchedule",
                "PUT" => "UpdateSchedule",
                "DELETE" => "DeleteSchedule",
                _ => "",
            }
        }
        _ => "",
    };
    Ok((operation.to_owned(), members.into()))
}

fn insert(members: &mut Map<String, Value>, name: &str, value: &str) {
    members.insert(name.to_owned(), value.into());
}

/// What stands in a query is spelt with a small letter there for some operations.
fn member_name(name: &str) -> String {
    let name = if name == "ScheduleGroup" { "GroupName" } else { name };
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// Writes an operation's answer.
pub(super) fn write(answer: &Answer, mut headers: Vec<(String, String)>) -> WireAnswer {
    let (status, members) = match answer {
        Ok(output) => (200, super::without_nulls(output)),
        Err(error) => {
            headers.push(("x-amzn-errortype".into(), error.code.clone()));
            (error.status, json!({"Message": error.message}))
        }
    };
    let body = members.to_string().into_bytes();
    WireAnswer { status, content_type: "application/json", headers, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, target: &str, body: &str) -> (String, Value) {
        let (method, target) = (method.to_owned(), target.to_owned());
        read(&Request { method, target, body: body.to_owned().into(), ..Request::default() })
            .unwrap()
    }

    #[test]
    fn the_operation_is_in_method_and_path() {
        let made = request("POST", "/schedules/shop-dev", r#"{"State": "ENABLED"}"#);
        assert_eq!(
            made,
            ("CreateSchedule".into(), json!({"State": "ENABLED", "Name": "shop-dev"}))
        );
        let gone = request("DELETE", "/schedules/a%20b?groupName=default&clientToken=t", "");
        let members = json!({"Name": "a b", "GroupName": "default", "ClientToken": "t"});
        assert_eq!(gone, ("DeleteSchedule".into(), members));
        let listed = request("GET", "/schedules?ScheduleGroup=default", "");
        assert_eq!(listed, ("ListSchedules".into(), json!({"GroupName": "default"})));
        assert_eq!(request("PATCH", "/elsewhere", "").0, "");
    }
}
