//! The loop in virtual time: what it checks, when, and what it tells.

use std::sync::Mutex;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::*;
use crate::drift::{Class, Finding};

/// What checks find one after the other; the last goes on for ever.
type Script = Vec<Result<Vec<&'static str>, &'static str>>;

/// What happened, by the minute.
type Log = Arc<Mutex<Vec<String>>>;

#[derive(Debug)]
struct Stage {
    script: Script,
    checks: usize,
    takes: Duration,
    log: Log,
    began: Instant,
    /// Whether what is found can't be measured.
    is_ill: bool,
    listeners: Listeners,
}

/// Where what is to be remembered is written down.
#[derive(Debug)]
struct Desk {
    kept: Kept,
    /// Which writing this one knows.
    knows: usize,
    /// Whether nothing can be written.
    is_ill: bool,
}

impl Desk {
    /// One that knows what is written by now.
    fn beside(kept: &Kept) -> Self {
        Self { kept: Arc::clone(kept), knows: kept.lock().unwrap().0, is_ill: false }
    }
}

/// What is remembered, and how often it was written; all that several stages share.
type Kept = Arc<Mutex<(usize, Option<Memory>)>>;

fn kept(kept: &Kept) -> Memory {
    kept.lock().unwrap().1.clone().unwrap()
}

impl Stage {
    fn new(script: Script, log: &Log) -> Self {
        Self {
            script,
            checks: 0,
            takes: Duration::from_secs(5),
            log: Arc::clone(log),
            began: Instant::now(),
            is_ill: false,
            listeners: vec![],
        }
    }

    fn note(&self, what: &str) {
        note(&self.log, self.began, what);
    }
}

fn note(log: &Log, began: Instant, what: &str) {
    let minute = began.elapsed().as_secs() / 60;
    log.lock().unwrap().push(format!("{minute:02} {what}"));
}

fn drift(places: &[&str]) -> Drift {
    let finding = |place: &&str| Finding {
        id: (*place).to_owned(),
        address: "vpc.main".parse().unwrap(),
        type_name: "AWS::EC2::VPC",
        property: (*place).to_owned(),
        class: Class::Outside,
        severity: Severity::High,
        reason: "because".into(),
        declared: serde_json::Value::Null,
        applied: serde_json::Value::Null,
        live: serde_json::Value::Null,
        hidden: false,
        physical_id: "vpc-1".into(),
        details: vec![],
        who: None,
    };
    Drift {
        stack: "shop".into(),
        environment: "dev".into(),
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        resources: 21,
        findings: places.iter().map(finding).collect(),
        ignored: vec![],
        expired: vec![],
    }
}

impl World for Stage {
    async fn check(&mut self) -> Result<Drift, String> {
        self.note("check");
        sleep(self.takes).await;
        let place = self.checks.min(self.script.len() - 1);
        self.checks += 1;
        match &self.script[place] {
            Ok(places) => Ok(drift(places)),
            Err(why) => Err((*why).to_owned()),
        }
    }

    fn reread(&mut self) -> Result<Listeners, String> {
        self.note("reread");
        Ok(self.listeners.clone())
    }

    fn now(&self) -> Timestamp {
        let since = i64::try_from(self.began.elapsed().as_secs()).unwrap();
        Timestamp::from_second(1_767_225_600 + since).unwrap()
    }

    fn show(&mut self, shown: &Shown<'_>) {
        match shown {
            Shown::Checked { outcome, news, .. } => {
                let (first, gone) = (news.first.len(), news.gone.len());
                let went = if outcome.is_ok() { "found" } else { "failed" };
                self.note(&format!("{went} +{first} -{gone} ={}", news.still));
            }
            Shown::Told { message, .. } => {
                self.note(&format!("told {:?}", message.news.first.keys().collect::<Vec<_>>()));
            }
            Shown::Untold { why, .. } => self.note(&format!("untold: {why}")),
            _ => {}
        }
    }

    async fn measure(&mut self, _: &Drift) -> Result<(), String> {
        if self.is_ill { Err("denied".into()) } else { Ok(()) }
    }
}

impl Keeper for Desk {
    async fn recall(&mut self) -> Result<Option<Memory>, String> {
        let (written, memory) = self.kept.lock().unwrap().clone();
        // Others come in between.
        tokio::task::yield_now().await;
        let knew = std::mem::replace(&mut self.knows, written);
        let memory = memory.unwrap_or_else(|| Memory::new("shop", "dev"));
        Ok((knew != written).then_some(memory))
    }

    async fn keep(&mut self, memory: &Memory) -> Result<bool, String> {
        if self.is_ill {
            return Err("denied".into());
        }
        let mut kept = self.kept.lock().unwrap();
        if kept.0 != self.knows {
            return Ok(false);
        }
        *kept = (kept.0 + 1, Some(memory.clone()));
        self.knows = kept.0;
        Ok(true)
    }
}

/// A watch that goes on from what it is given.
fn watching(stage: Stage, desk: Desk, memory: Memory, ear: &Arc<Ear>) -> Watch<Stage, Desk> {
    Watch::new(stage, desk, memory, vec![Arc::<Ear>::clone(ear)], Severity::Low)
}

/// A watch that goes on from nothing.
fn fresh(stage: Stage, ear: &Arc<Ear>) -> Watch<Stage, Desk> {
    watching(stage, Desk::beside(&Kept::default()), Memory::new("shop", "dev"), ear)
}

/// Hears after a while, or not, as the script says.
#[derive(Debug)]
struct Ear {
    takes: Duration,
    answers: Mutex<Vec<Result<(), String>>>,
    heard: Mutex<Vec<String>>,
}

impl Ear {
    fn new(takes: Duration, answers: &[Result<(), &str>]) -> Arc<Self> {
        let answers = answers.iter().rev().map(|answer| answer.map_err(str::to_owned)).collect();
        Arc::new(Self { takes, answers: Mutex::new(answers), heard: Mutex::default() })
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Listener for Ear {
    fn name(&self) -> &'static str {
        "ear"
    }

    fn hear<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            sleep(self.takes).await;
            self.answers.lock().unwrap().pop().unwrap_or(Ok(()))?;
            self.heard.lock().unwrap().push(message.subject());
            Ok(())
        })
    }
}

/// Lets a watch run for so many minutes, then stops it; gives what happened.
async fn minutes(minutes: u64, every: u64, stage: Stage, ear: &Arc<Ear>) -> Vec<String> {
    let log = Arc::clone(&stage.log);
    let (ask, requests) = mpsc::channel(4);
    let watch = fresh(stage, ear);
    let rhythm = Rhythm::new(Duration::from_mins(every), 7);
    let running = tokio::spawn(watch.run(rhythm, requests));
    sleep(Duration::from_secs(minutes * 60 + 59)).await;
    ask.send(Request::Stop).await.unwrap();
    running.await.unwrap();
    let log = log.lock().unwrap();
    log.clone()
}

#[tokio::test(start_paused = true)]
async fn only_changes_are_told() {
    let script = vec![Ok(vec![]), Ok(vec!["a"]), Ok(vec!["a"]), Ok(vec!["a", "b"]), Ok(vec!["b"])];
    let ear = Ear::new(Duration::from_secs(1), &[]);
    let stage = Stage::new(script, &Log::default());
    let log = minutes(50, 10, stage, &ear).await;
    let found: Vec<&String> = log.iter().filter(|line| line.contains("found")).collect();
    let expected = [
        "00 found +0 -0 =0",
        "10 found +1 -0 =0",
        "20 found +0 -0 =1",
        "30 found +1 -0 =1",
        "40 found +0 -1 =1",
        "50 found +0 -0 =1",
    ];
    assert_eq!(found, expected);
    let heard = ear.heard();
    assert_eq!(
        heard,
        ["shop-dev: 1 high first seen", "shop-dev: 1 high first seen", "shop-dev: 1 gone"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_check_is_told_once_and_ends_nothing() {
    let script = vec![Ok(vec!["a"]), Err("denied"), Err("denied"), Ok(vec!["a"])];
    let ear = Ear::new(Duration::from_secs(1), &[]);
    let stage = Stage::new(script, &Log::default());
    let log = minutes(45, 10, stage, &ear).await;
    assert!(log.contains(&"10 failed +1 -0 =1".to_owned()), "{log:#?}");
    assert!(log.contains(&"20 failed +0 -0 =2".to_owned()), "{log:#?}");
    assert!(log.contains(&"30 found +0 -1 =1".to_owned()), "{log:#?}");
    assert_eq!(ear.heard().len(), 3, "{:?}", ear.heard());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_answer_keeps_no_check_from_being_made() {
    let script = vec![Ok(vec!["a"]), Ok(vec!["a", "b"]), Ok(vec!["b", "c"])];
    let ear = Ear::new(Duration::from_mins(25), &[Err("too slow"), Ok(())]);
    let stage = Stage::new(script, &Log::default());
    let log = minutes(75, 10, stage, &ear).await;
    let checks = log.iter().filter(|line| line.ends_with(" check")).count();
    assert_eq!(checks, 8, "{log:#?}");
    assert!(log.contains(&"25 untold: too slow".to_owned()), "{log:#?}");
    // What it did not hear the first time it hears the second, as it is then.
    let told: Vec<&String> = log.iter().filter(|line| line.contains("told [")).collect();
    assert_eq!(told, [r#"55 told ["b", "c"]"#]);
}

#[tokio::test(start_paused = true)]
async fn checks_never_overlap_and_missed_ones_are_left_out() {
    let ear = Ear::new(Duration::from_secs(1), &[]);
    let stage =
        Stage { takes: Duration::from_mins(25), ..Stage::new(vec![Ok(vec![])], &Log::default()) };
    let log = minutes(89, 10, stage, &ear).await;
    let checks: Vec<&String> = log.iter().filter(|line| line.ends_with(" check")).collect();
    assert_eq!(checks, ["00 check", "30 check", "60 check"]);
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_once_and_lets_a_telling_end() {
    let ear = Ear::new(Duration::from_secs(4), &[]);
    let log = Log::default();
    let stage = Stage { takes: Duration::from_mins(5), ..Stage::new(vec![Ok(vec!["a"])], &log) };
    let kept = Kept::default();
    let (ask, requests) = mpsc::channel(4);
    let watch = beside(&kept, stage, &ear);
    let running = tokio::spawn(watch.run(Rhythm::new(Duration::from_mins(6), 7), requests));
    // In the first telling.
    sleep(Duration::from_mins(5) + Duration::from_secs(1)).await;
    let asked = Instant::now();
    ask.send(Request::Stop).await.unwrap();
    running.await.unwrap();
    assert_eq!(asked.elapsed(), Duration::from_secs(3));
    assert_eq!(ear.heard().len(), 1);
    let memory = self::kept(&kept);
    assert!(memory.ledgers["ear"].news().is_empty(), "what was told is written down");
}

#[tokio::test(start_paused = true)]
async fn a_check_that_is_under_way_is_given_up() {
    let ear = Ear::new(Duration::ZERO, &[]);
    let log = Log::default();
    let stage = Stage { takes: Duration::from_mins(5), ..Stage::new(vec![Ok(vec!["a"])], &log) };
    let (ask, requests) = mpsc::channel(4);
    let watch = fresh(stage, &ear);
    let running = tokio::spawn(watch.run(Rhythm::new(Duration::from_mins(6), 7), requests));
    sleep(Duration::from_secs(30)).await;
    ask.send(Request::Reread).await.unwrap();
    ask.send(Request::Stop).await.unwrap();
    let asked = Instant::now();
    running.await.unwrap();
    assert_eq!((asked.elapsed(), ear.heard().len()), (Duration::ZERO, 0));
}

#[tokio::test(start_paused = true)]
async fn whom_it_tells_changes_when_the_file_is_read_anew() {
    let (old, new) = (Ear::new(Duration::ZERO, &[]), Ear::new(Duration::ZERO, &[]));
    let script = vec![Ok(vec!["a"]), Ok(vec!["b"])];
    let stage = Stage { listeners: vec![new.clone()], ..Stage::new(script, &Log::default()) };
    let (ask, requests) = mpsc::channel(4);
    let watch = fresh(stage, &old);
    let running = tokio::spawn(watch.run(Rhythm::new(Duration::from_mins(10), 7), requests));
    sleep(Duration::from_mins(5)).await;
    ask.send(Request::Reread).await.unwrap();
    sleep(Duration::from_mins(10)).await;
    drop(ask);
    running.await.unwrap();
    assert_eq!((old.heard().len(), new.heard().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn single_checks_go_on_from_what_the_last_one_remembers() {
    let ear = Ear::new(Duration::ZERO, &[Err("away"), Ok(()), Ok(())]);
    let mut memory = Memory::new("shop", "dev");
    for places in [vec!["a"], vec!["a"], vec!["a"], vec!["b"]] {
        let stage = Stage::new(vec![Ok(places)], &Log::default());
        let kept = Kept::default();
        let mut watch = watching(stage, Desk::beside(&kept), memory, &ear);
        let outcome = watch.once().await;
        assert!(outcome.checked.is_ok());
        memory = self::kept(&kept);
    }
    assert_eq!(ear.heard(), ["shop-dev: 1 high first seen", "shop-dev: 1 high first seen, 1 gone"]);
    assert_eq!(memory.checks, 4);
}

/// A watch that remembers with others, and goes on from what is remembered when it begins.
fn beside(kept: &Kept, stage: Stage, ear: &Arc<Ear>) -> Watch<Stage, Desk> {
    let memory = kept.lock().unwrap().1.clone();
    let memory = memory.unwrap_or_else(|| Memory::new("shop", "dev"));
    watching(stage, Desk::beside(kept), memory, ear)
}

/// A stage on which nobody looks.
fn finding(script: Script) -> Stage {
    Stage::new(script, &Log::default())
}

#[tokio::test(start_paused = true)]
async fn what_another_watch_has_told_is_not_told_again() {
    let (kept, ear) = (Kept::default(), Ear::new(Duration::ZERO, &[]));
    let mut here = beside(&kept, finding(vec![Ok(vec![]), Ok(vec!["a"])]), &ear);
    here.once().await;
    beside(&kept, finding(vec![Ok(vec!["a"])]), &ear).once().await;
    here.once().await;
    beside(&kept, finding(vec![Ok(vec!["a"])]), &ear).once().await;
    assert_eq!(ear.heard(), ["shop-dev: 1 high first seen"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_is_told_although_another_watch_told_that_it_was_gone() {
    let (kept, ear) = (Kept::default(), Ear::new(Duration::ZERO, &[]));
    let script = vec![Ok(vec!["a"]), Ok(vec![]), Ok(vec!["a"])];
    let mut here = beside(&kept, finding(script), &ear);
    here.once().await;
    beside(&kept, finding(vec![Ok(vec![])]), &ear).once().await;
    here.once().await;
    here.once().await;
    let expected =
        ["shop-dev: 1 high first seen", "shop-dev: 1 gone", "shop-dev: 1 high first seen"];
    assert_eq!(ear.heard(), expected);
    assert_eq!(self::kept(&kept).checks, 4);
}

#[tokio::test(start_paused = true)]
async fn of_several_that_check_at_once_one_tells() {
    let (kept, ear) = (Kept::default(), Ear::new(Duration::from_secs(20), &[]));
    let task = |number: u64| {
        let stage = finding(vec![Ok(vec!["a"])]);
        // No two clocks say quite the same.
        let began = stage.began - Duration::from_secs(number);
        beside(&kept, Stage { began, ..stage }, &ear)
    };
    let mut tasks: Vec<Watch<Stage, Desk>> = (0..3).map(task).collect();
    futures::future::join_all(tasks.iter_mut().map(Watch::once)).await;
    assert_eq!(ear.heard(), ["shop-dev: 1 high first seen"]);
    assert_eq!(self::kept(&kept).checks, 3);
}

#[tokio::test(start_paused = true)]
async fn who_died_in_a_telling_keeps_nobody_from_it_for_long() {
    let (kept, ear) = (Kept::default(), Ear::new(Duration::from_secs(20), &[]));
    let mut dying = beside(&kept, finding(vec![Ok(vec!["a"])]), &ear);
    let dead = tokio::time::timeout(Duration::from_secs(10), dying.once()).await;
    assert!(dead.is_err() && ear.heard().is_empty());
    drop(dying);
    sleep(Duration::from_mins(6)).await;
    let mut next = finding(vec![Ok(vec!["a"])]);
    next.began -= Duration::from_mins(6);
    beside(&kept, next, &ear).once().await;
    assert_eq!(ear.heard().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_can_be_neither_measured_nor_written_is_told_all_the_same_and_once() {
    let ear = Ear::new(Duration::ZERO, &[]);
    let stage = Stage { is_ill: true, ..Stage::new(vec![Ok(vec!["a"])], &Log::default()) };
    let desk = Desk { is_ill: true, ..Desk::beside(&Kept::default()) };
    let mut watch = watching(stage, desk, Memory::new("shop", "dev"), &ear);
    let outcome = watch.once().await;
    assert_eq!(outcome.unmeasured.as_deref(), Some("denied"));
    assert_eq!(outcome.unkept.as_deref(), Some("denied"));
    assert!(outcome.checked.is_ok() && outcome.untold.is_empty());
    watch.once().await;
    assert_eq!(ear.heard().len(), 1);
}

/// A check may wait longer for those at work than a telling is claimed.
#[tokio::test(start_paused = true)]
async fn what_is_told_while_a_check_goes_on_is_written_down_at_once() {
    let (kept, ear) = (Kept::default(), Ear::new(Duration::from_secs(40), &[]));
    let stage = Stage { takes: Duration::from_mins(12), ..finding(vec![Ok(vec!["a"])]) };
    let (ask, requests) = mpsc::channel(4);
    let watch = beside(&kept, stage, &ear);
    let running = tokio::spawn(watch.run(Rhythm::new(Duration::from_secs(30), 7), requests));
    // The first check has ended, and the second goes on.
    sleep(Duration::from_mins(13) + Duration::from_secs(30)).await;
    assert_eq!(ear.heard().len(), 1);
    let memory = self::kept(&kept);
    assert!(memory.ledgers["ear"].news().is_empty(), "what was told is written down");
    let mut other = finding(vec![Ok(vec!["a"])]);
    other.began -= Duration::from_mins(20);
    beside(&kept, other, &ear).once().await;
    assert_eq!(ear.heard().len(), 1);
    ask.send(Request::Stop).await.unwrap();
    running.await.unwrap();
}
