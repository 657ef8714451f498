//! News in words: for people in a terminal, in a mail, in a chat; and for machines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

use super::ledger::{Entry, News};
use super::memory::Memory;
use crate::config::WebhookFormat;
use crate::names;
use crate::report::{clean, duration};

/// How many things of a sort are told by name; chats refuse long messages.
const MOST_NAMED: usize = 20;

/// How many characters of a reason are told.
const LONGEST: usize = 500;

/// What is told to one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same for the same news, however often it is sent: whoever gets it twice can tell.
    pub id: String,
    /// `shop-dev`.
    pub of: String,
    stack: String,
    environment: String,
    account: Option<String>,
    region: Option<String>,
    at: Timestamp,
    /// What is told.
    pub news: News,
}

impl Message {
    /// The message of what a listener has not been told; `None` if there is nothing.
    pub fn of(memory: &Memory, listener: &str, at: Timestamp) -> Option<Self> {
        let news = memory.ledgers.get(listener)?.news();
        if news.is_empty() {
            return None;
        }
        let of = format!("{}-{}", memory.stack, memory.environment);
        let (account, region) = (memory.account.clone(), memory.region.clone());
        Some(Self {
            id: id(&of, listener, &news),
            of,
            stack: memory.stack.clone(),
            environment: memory.environment.clone(),
            account,
            region,
            at,
            news,
        })
    }

    /// One line that says what it is about: `shop-dev: 1 critical first seen, 2 gone`.
    pub fn subject(&self) -> String {
        format!("{}: {}", self.of, counted(&self.news))
    }

    /// The whole message as plain text.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n\n{}", self.subject(), lines(&self.news, self.at).join("\n"));
        if self.news.still > 0 {
            let _ = write!(text, "\n{} still there that were told before.", self.news.still);
        }
        text.push_str("\n\n");
        if let (Some(account), Some(region)) = (&self.account, &self.region) {
            let _ = write!(text, "Account {account}, {region}. ");
        }
        text.push_str("`provision drift` shows all of it.");
        text
    }

    /// The message for machines.
    pub fn json(&self) -> Value {
        let entries = |entries: &BTreeMap<String, Entry>| -> Vec<Value> {
            entries.iter().map(|(id, entry)| told(id, entry)).collect()
        };
        let News { first, gone, passed, uncounted, still } = &self.news;
        json!({
            "id": self.id,
            "stack": self.stack,
            "environment": self.environment,
            "account": self.account,
            "region": self.region,
            "at": self.at.to_string(),
            "summary": self.subject(),
            "first_seen": entries(first),
            "gone": entries(gone),
            "came_and_went": entries(passed),
            "came_and_went_unnamed": uncounted,
            "still_there": still,
        })
    }

    /// What is sent to a webhook.
    pub fn body(&self, format: WebhookFormat) -> Value {
        match format {
            WebhookFormat::Json => self.json(),
            WebhookFormat::Slack => json!({"text": slack(&self.text())}),
            WebhookFormat::Teams => teams(&self.text()),
        }
    }
}

/// What of `news` is told in a line each, at a moment.
pub fn lines(news: &News, at: Timestamp) -> Vec<String> {
    let mut lines = Vec::new();
    for (entries, line) in [
        (&news.first, first as fn(&Entry, Timestamp) -> String),
        (&news.gone, gone),
        (&news.passed, passed),
    ] {
        let mut entries: Vec<&Entry> = entries.values().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.item.severity));
        lines.extend(entries.iter().take(MOST_NAMED).map(|entry| line(entry, at)));
        if let Some(more) = entries.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
            lines.push(format!("            and {more} more"));
        }
    }
    if news.uncounted > 0 {
        lines.push(format!("{} more came and went while nobody could be told", news.uncounted));
    }
    lines
}

fn first(entry: &Entry, _: Timestamp) -> String {
    let Entry { item, told, .. } = entry;
    let verb = if told.is_some() { "graver" } else { "first seen" };
    format!("{verb:10}  {:8}  {}: {}", item.severity.word(), said(&item.place), said(&item.what))
}

fn gone(entry: &Entry, at: Timestamp) -> String {
    let since = age(entry.since, entry.gone.unwrap_or(at));
    format!(
        "gone        {:8}  {}, after {since}",
        entry.item.severity.word(),
        said(&entry.item.place)
    )
}

fn passed(entry: &Entry, at: Timestamp) -> String {
    let since = age(entry.since, entry.gone.unwrap_or(at));
    let Entry { item, .. } = entry;
    let (severity, place, what) = (item.severity.word(), said(&item.place), said(&item.what));
    format!("passed      {severity:8}  {place}: {what}; it was there for {since}")
}

/// `3 h 20 min`: how long something was there, as far as checks can tell.
fn age(since: Timestamp, until: Timestamp) -> String {
    let span = until.since((Unit::Second, since)).ok();
    let seconds = span.and_then(|span| u64::try_from(span.get_seconds()).ok());
    duration(std::time::Duration::from_secs(seconds.unwrap_or_default()))
}

fn said(words: &str) -> String {
    let words = clean(words);
    match words.char_indices().nth(LONGEST) {
        None => words.into_owned(),
        Some((end, _)) => format!("{}…", &words[..end]),
    }
}

/// `1 critical and 2 low first seen, 1 gone`.
fn counted(news: &News) -> String {
    let mut by_severity = BTreeMap::new();
    for entry in news.first.values() {
        *by_severity.entry(std::cmp::Reverse(entry.item.severity)).or_insert(0_usize) += 1;
    }
    let first: Vec<String> = by_severity
        .iter()
        .map(|(severity, count)| format!("{count} {}", severity.0.word()))
        .collect();
    let mut parts = Vec::new();
    if !first.is_empty() {
        parts.push(format!("{} first seen", first.join(", ")));
    }
    if !news.gone.is_empty() {
        parts.push(format!("{} gone", news.gone.len()));
    }
    let passed = news.passed.len() as u64 + news.uncounted;
    if passed > 0 {
        parts.push(format!("{passed} came and went"));
    }
    parts.join(", ")
}

fn told(id: &str, entry: &Entry) -> Value {
    json!({
        "id": id,
        "severity": entry.item.severity,
        "place": entry.item.place,
        "what": said(&entry.item.what),
        "since": entry.since.to_string(),
        "gone": entry.gone.map(|gone| gone.to_string()),
        "checks": entry.checks,
    })
}

fn id(of: &str, listener: &str, news: &News) -> String {
    let part = |entries: &BTreeMap<String, Entry>| {
        let one = |(id, entry): (&String, &Entry)| {
            format!("{id}@{}{}", entry.since, entry.item.severity.word())
        };
        entries.iter().map(one).collect::<Vec<_>>().join(",")
    };
    let News { first, gone, passed, uncounted, .. } = news;
    let whole = [part(first), part(gone), part(passed), uncounted.to_string()].join("/");
    names::hex(&format!("{of}/{listener}/{whole}"))[..16].to_owned()
}

/// Slack takes these three characters for its own marks.
fn slack(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An adaptive card, as workflows of Teams take it.
fn teams(text: &str) -> Value {
    let block = |line: &str| json!({"type": "TextBlock", "text": line, "wrap": true, "fontType": "Monospace"});
    let blocks: Vec<Value> = text.lines().filter(|line| !line.is_empty()).map(block).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": blocks,
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::Severity;
    use crate::watch::ledger::Item;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + hour * 3600).unwrap()
    }

    fn memory() -> Memory {
        let item = |severity, place: &str| Item {
            severity,
            place: place.into(),
            what: "extra: <open> & wide".into(),
        };
        let mut memory = Memory::new("shop", "dev");
        let ledger = memory.ledger("chat");
        let old = BTreeMap::from([
            ("1".to_owned(), item(Severity::Low, "vpc.main tags[team]")),
            ("2".to_owned(), item(Severity::High, "service.app count")),
        ]);
        ledger.take_in(&old, at(0));
        ledger.told(&ledger.news());
        let now = BTreeMap::from([
            ("2".to_owned(), item(Severity::High, "service.app count")),
            ("3".to_owned(), item(Severity::Critical, "security_group.app ingress\u{1b}[2J")),
        ]);
        ledger.take_in(&now, at(3));
        memory
    }

    #[test]
    fn a_message_says_what_is_new_what_is_gone_and_how_much_is_left() {
        let message = Message::of(&memory(), "chat", at(3)).unwrap();
        assert_eq!(
            message.text(),
            "shop-dev: 1 critical first seen, 1 gone\n\n\
             first seen  critical  security_group.app ingress\u{fffd}[2J: extra: <open> & wide\n\
             gone        low       vpc.main tags[team], after 3 h\n\
             1 still there that were told before.\n\n\
             `provision drift` shows all of it."
        );
    }

    #[test]
    fn each_chat_gets_its_own_form() {
        let message = Message::of(&memory(), "chat", at(3)).unwrap();
        let slack = message.body(WebhookFormat::Slack);
        assert!(slack["text"].as_str().unwrap().contains("extra: &lt;open&gt; &amp; wide"));
        let teams = message.body(WebhookFormat::Teams);
        let card = &teams["attachments"][0]["content"];
        assert_eq!(
            (card["type"].as_str(), card["body"].as_array().unwrap().len()),
            (Some("AdaptiveCard"), 5)
        );
        let json = message.body(WebhookFormat::Json);
        assert_eq!((&json["first_seen"][0]["id"], &json["still_there"]), (&json!("3"), &json!(1)));
        assert_eq!(json["gone"][0]["gone"], "2026-01-01T03:00:00Z");
    }

    #[test]
    fn the_same_news_has_the_same_id_and_other_news_another() {
        let one = Message::of(&memory(), "chat", at(3)).unwrap();
        let again = Message::of(&memory(), "chat", at(9)).unwrap();
        assert_eq!(one.id, again.id);
        let mut later = memory();
        later.ledger("chat").take_in(&BTreeMap::new(), at(4));
        assert_ne!(Message::of(&later, "chat", at(4)).unwrap().id, one.id);
    }

    #[test]
    fn no_news_is_no_message_and_much_news_is_cut() {
        assert_eq!(Message::of(&Memory::new("shop", "dev"), "chat", at(0)), None);
        let mut memory = Memory::new("shop", "dev");
        let item =
            Item { severity: Severity::Low, place: "vpc.main".into(), what: "x".repeat(900) };
        let many = (0..45).map(|number| (format!("{number:02}"), item.clone())).collect();
        memory.ledger("chat").take_in(&many, at(0));
        let text = Message::of(&memory, "chat", at(0)).unwrap().text();
        assert!(text.contains("and 25 more"), "{text}");
        assert!(text.len() < 20 * 700, "{}", text.len());
    }
}
