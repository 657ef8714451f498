//! What is written, and that it is taken back whole.

use std::path::PathBuf;

use super::*;

fn job(every: &str) -> Job {
    Job {
        stack: "shop".into(),
        environment: "dev".into(),
        region: "eu-west-1".into(),
        every: every.parse().unwrap(),
        arguments: ["-e", "dev", "drift", "--tell"].map(str::to_owned).to_vec(),
        secret: Some("DRIFT_WEBHOOK".into()),
    }
}

fn machine() -> Machine {
    Machine {
        program: PathBuf::from("/opt/my tools/provision"),
        directory: PathBuf::from("/srv/100%"),
        variables: PathBuf::from("/home/me/.config/provision/shop-dev.env"),
        user: None,
    }
}

#[test]
fn cron_can_say_what_comes_out_even() {
    for every in ["5m", "15m", "60m", "1h", "4h", "24h"] {
        assert!(every.parse::<Interval>().is_ok(), "{every}");
    }
    for odd in ["0m", "7m", "90m", "5h", "48h", "1d", "15", "", "-5m"] {
        assert_eq!(odd.parse::<Interval>(), Err(NoInterval), "{odd}");
    }
    assert_eq!("60m".parse::<Interval>().unwrap().to_string(), "1h");
}

#[test]
fn not_everybody_checks_on_the_hour() {
    let cron = |every: &str, name| every.parse::<Interval>().unwrap().cron(name);
    assert_ne!(cron("1h", "shop-dev"), cron("1h", "shop-prod"));
    for (every, end) in [("15m", "-59/15 * * * *"), ("1h", " * * * *"), ("6h", "-23/6 * * *")] {
        let cron = cron(every, "shop-dev");
        assert!(cron.ends_with(end), "{cron}");
        assert_eq!(cron.split(' ').count(), 5, "{cron}");
    }
}

#[test]
fn a_crontab_is_changed_between_the_marks_alone() {
    let (job, machine) = (job("15m"), machine());
    for theirs in ["", "MAILTO=me\n0 0 * * * theirs\n", "# no newline at the end"] {
        let with = crontab::with(theirs, &job, &machine);
        assert_eq!(crontab::with(&with, &job, &machine), with, "once is as good as twice");
        assert!(with.starts_with(theirs));
        let left = crontab::without(&with, &job);
        assert_eq!(left.trim_end(), theirs.trim_end());
    }
    let other = Job { environment: "prod".into(), ..job.clone() };
    let both = crontab::with(&crontab::with("", &job, &machine), &other, &machine);
    assert_eq!(crontab::without(&both, &job), crontab::block(&other, &machine));
    assert_eq!(crontab::own(&both, &job), crontab::block(&job, &machine));
    let torn = crontab::block(&job, &machine).replace("# END", "# end");
    assert_eq!(crontab::without(&torn, &job), torn, "what has no end is left alone");
}

#[test]
fn a_crontab_line_survives_the_shell_and_cron() {
    let block = crontab::block(&job("1h"), &machine());
    let line = block.lines().nth(1).unwrap();
    let command = r"cd '/srv/100\%' && set -a && . /home/me/.config/provision/shop-dev.env && set +a && '/opt/my tools/provision' -e dev drift --tell > /dev/null";
    assert!(line.ends_with(command), "{line}");
}

#[test]
fn units_take_nothing_for_something_to_fill_in() {
    let mut job = job("15m");
    job.arguments.push("--set=tags.x=$HOME \"%h\"".into());
    let [service, timer] = systemd::units(&job, &machine());
    let command = "ExecStart=\"/opt/my tools/provision\" \"-e\" \"dev\" \"drift\" \"--tell\" \
                   \"--set=tags.x=$$HOME \\\"%%h\\\"\"\n";
    assert!(service.content.contains(command), "{}", service.content);
    assert!(service.content.contains("WorkingDirectory=/srv/100%%\n"));
    assert!(timer.content.contains("OnUnitInactiveSec=900s\nRandomizedDelaySec=90s\n"));
    assert_eq!(timer.path, PathBuf::from("provision-drift-shop-dev.timer"));
}

#[test]
fn the_machines_own_checks_are_made_as_who_installed_them() {
    let [own, _] = systemd::units(&job("1h"), &machine());
    assert!(!own.content.contains("User="), "{}", own.content);
    let machine = Machine { user: Some("ada".into()), ..machine() };
    let [shared, _] = systemd::units(&job("1h"), &machine);
    assert!(shared.content.contains("\nUser=ada\n"), "{}", shared.content);
}

#[test]
fn names_are_as_long_as_kubernetes_takes_them() {
    let long = Job { stack: "a-stack-with-a-name-that-is-rather-long".into(), ..job("1h") };
    let other = Job { environment: "dew".into(), ..long.clone() };
    let name = |job: &Job| {
        let piece = manifest(job, "arn:aws:iam::123456789012:role/drift", "acme/provision:1", "");
        let mut names = piece.content.lines().filter_map(|line| line.strip_prefix("  name: "));
        names.next_back().unwrap().to_owned()
    };
    assert_eq!(name(&job("1h")), "provision-drift-shop-dev");
    assert!(name(&long).len() <= 52, "{}", name(&long));
    assert_ne!(name(&long), name(&other));
}

#[test]
fn whatever_is_written_says_who_wrote_it() {
    let job = job("1h");
    let [service, timer] = systemd::units(&job, &machine());
    let file = "name = \"shop\"\n\n[tags]\na = \"b\"\n";
    let pieces = [
        service,
        timer,
        workflow(&job, "arn:aws:iam::123456789012:role/drift", "acme/provision:1"),
        pipeline(&job, "arn:aws:iam::123456789012:role/drift", "acme/provision:1"),
        manifest(&job, "arn:aws:iam::123456789012:role/drift", "acme/provision:1", file),
    ];
    for piece in pieces {
        assert!(piece.content.starts_with(MARK), "{:?}", piece.path);
        assert!(!piece.content.contains('\t'), "{:?}", piece.path);
    }
}

#[test]
fn the_workflow_is_as_expected() {
    let piece = workflow(&job("1h"), "arn:aws:iam::123456789012:role/drift", "acme/provision:1");
    insta::assert_snapshot!(piece.content);
}

#[test]
fn an_image_of_ecr_is_pulled_after_a_login_at_its_own_registry() {
    let of = |image| workflow(&job("1h"), "arn:aws:iam::123456789012:role/drift", image).content;
    let elsewhere = of("999999999999.dkr.ecr.us-east-1.amazonaws.com/provision:1");
    let login = "- uses: aws-actions/amazon-ecr-login@v2\n        with:\n          \
                 registries: \"999999999999\"\n        env:\n          AWS_REGION: \"us-east-1\"\n";
    assert!(elsewhere.contains(login), "{elsewhere}");
    assert!(!of("acme/provision:1").contains("amazon-ecr-login"));
}
