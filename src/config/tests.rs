//! What users write, and what they are told.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;

mod damage;
mod documentation;
mod ignoring;
mod keeping;
mod round_trip;

/// The smallest file that works.
const SMALLEST: &str =
    "name = \"shop\"\nregion = \"eu-west-1\"\n\n[services.app]\nimage = \"acme/shop:1\"\n";

fn overrides() -> Overrides {
    Overrides { environment: "dev".into(), ..Overrides::default() }
}

fn load_with(text: &str, overrides: &Overrides) -> Result<Config, ConfigErrors> {
    Config::load(&Source { path: "provision.toml".into(), text: text.into() }, overrides)
}

fn load(text: &str) -> Config {
    load_with(text, &overrides()).unwrap()
}

fn set(values: &[(&str, &str)]) -> Overrides {
    let set = values.iter().map(|(path, value)| ((*path).into(), (*value).into())).collect();
    Overrides { set, ..overrides() }
}

fn errors_with(text: &str, overrides: &Overrides) -> String {
    let errors = load_with(text, overrides).unwrap_err();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor());
    let mut rendered = String::new();
    handler.with_width(100).render_report(&mut rendered, &errors).unwrap();
    rendered
}

fn errors(text: &str) -> String {
    errors_with(text, &overrides())
}

/// The errors of the smallest file with more lines in its service.
fn service_errors(lines: &str) -> String {
    errors(&format!("{SMALLEST}{lines}"))
}

#[test]
fn the_smallest_file_is_a_name_a_region_and_an_image() {
    let config = load(SMALLEST);
    let image = "acme/shop:1".into();
    let app = Service { image, ..Service::default() };
    assert_eq!(config.network, Network::default());
    assert_eq!(config.services, BTreeMap::from([("app".to_owned(), app)]));
    assert_eq!((config.environment.as_str(), config.protect), ("dev", false));
    assert_eq!(config.warnings(), Vec::<String>::new());
}

#[test]
fn an_environment_changes_what_it_names_and_nothing_else() {
    let text = format!(
        "{SMALLEST}count = 3\n[services.app.environment]\nA = \"1\"\nB = \"1\"\n\
         [env.prod]\nregion = \"eu-west-3\"\n[env.prod.services.app]\ncpu = 512\nmemory = 1024\n\
         [env.prod.services.app.environment]\nB = \"2\"\n"
    );
    let prod = Overrides { environment: "prod".into(), ..overrides() };
    let (dev, prod) = (load(&text), load_with(&text, &prod).unwrap());
    assert_eq!((dev.region.as_str(), dev.services["app"].cpu), ("eu-west-1", 256));
    let app = &prod.services["app"];
    assert_eq!((prod.region.as_str(), app.cpu, app.count), ("eu-west-3", 512, 3));
    assert_eq!(app.environment["A"], "1");
    assert_eq!(app.environment["B"], "2");
}

#[test]
fn an_environment_switches_off_what_the_file_switches_on() {
    let text = format!(
        "{SMALLEST}[services.app.autoscaling]\nmin = 3\nmax = 9\ncpu = 50\n\
         [env.dev.services.app]\nautoscaling = false\n"
    );
    assert_eq!(load(&text).services["app"].autoscaling, None);
}

#[test]
fn a_count_that_nobody_wrote_is_brought_within_the_bounds() {
    let text = format!("{SMALLEST}autoscaling = {{ min = 3, max = 9, cpu = 50 }}\n");
    assert_eq!(load(&text).services["app"].count, 3);
}

#[test]
fn what_is_set_comes_over_the_file_and_is_text_where_text_is_wanted() {
    let overrides = set(&[
        ("services.app.count", "5"),
        ("services.app.environment.PORT", "080"),
        ("services.app.environment.\"A.B\"", "true"),
        ("services.app.environment.WORDS", "two words = \"odd\""),
        ("network.zones", "[\"eu-west-1a\", \"eu-west-1c\"]"),
        ("tags", "{ inner = 1 }"),
        ("tags.version", "1.10"),
        ("services.app.count", "6"),
    ]);
    let config = load_with(SMALLEST, &overrides).unwrap();
    let app = &config.services["app"];
    assert_eq!(app.count, 6);
    assert_eq!(app.environment["PORT"], "080");
    assert_eq!(app.environment["A.B"], "true");
    assert_eq!(app.environment["WORDS"], "two words = \"odd\"");
    assert_eq!(config.network.zones.count(), 2);
    assert_eq!(config.tags["version"], "1.10");
    assert_eq!(config.tags["inner"], "1");
}

#[test]
fn a_value_of_many_lines_sets_one_key() {
    let overrides = set(&[("services.app.environment.A", "1\nname = 2")]);
    assert_eq!(
        load_with(SMALLEST, &overrides).unwrap().services["app"].environment["A"],
        "1\nname = 2"
    );
    assert!(load_with(SMALLEST, &set(&[("tags.a = 1\ntags.b", "2")])).is_err());
}

#[test]
fn region_and_images_come_from_outside() {
    let text = "name = \"shop\"\n[services.app]\n";
    for image in ["acme/shop:2", "app=acme/shop:2"] {
        let images = vec![image.parse().unwrap()];
        let overrides = Overrides { region: Some("eu-west-2".into()), images, ..overrides() };
        let config = load_with(text, &overrides).unwrap();
        assert_eq!(config.region, "eu-west-2");
        assert_eq!(config.services["app"].image, "acme/shop:2");
    }
}

#[test]
fn policies_are_tables_or_json() {
    let text = format!(
        "{SMALLEST}[services.app.task_policies.inline]\n\
         one = '''{{\"Statement\": {{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}}}'''\n\
         two = {{ Version = \"2012-10-17\", Statement = {{ Effect = \"Allow\", Action = \"*\", Resource = \"*\" }} }}\n"
    );
    let inline = &load(&text).services["app"].task_policies.inline;
    assert_eq!(inline["one"], inline["two"]);
}

#[test]
fn unusual_settings_are_warned_of() {
    let text = format!("{SMALLEST}ingress = []\n[network]\nnat = \"none\"\n").replace(":1", "");
    assert_snapshot!(load(&text).warnings().join("\n"));
}

#[test]
fn what_aws_may_refuse_later_is_warned_of() {
    let blocks: Vec<String> = (0..61).map(|host| format!("\"192.0.2.{host}/32\"")).collect();
    let managed: Vec<String> =
        (0..11).map(|number| format!("\"arn:aws:iam::aws:policy/Read{number}\"")).collect();
    let text = format!(
        "{SMALLEST}ingress = [{}]\nspot = {{ base = 1, on_demand_weight = 0 }}\n\
         task_policies.managed = [{}]\n[network]\ncidr = \"10.0.0.0/26\"\n",
        blocks.join(", "),
        managed.join(", ")
    );
    assert_snapshot!(load(&text).warnings().join("\n"));
    let roomy = format!("{SMALLEST}[network]\ncidr = \"10.0.0.0/25\"\n");
    assert_eq!(load(&roomy).warnings(), Vec::<String>::new());
}

#[test]
fn errors_of_syntax_have_a_line_and_a_column() {
    let text = "name = \"shop\nregion = 1\n";
    let found = load_with(text, &overrides()).unwrap_err();
    assert_eq!(found.errors()[0].position().0, 1);
    assert_snapshot!(errors(text));
}

#[test]
fn endless_nesting_is_an_error() {
    for text in [
        "a.".repeat(50_000) + "a = 1",
        "a = ".to_owned() + &"[".repeat(50_000),
        "[".to_owned() + &"a.".repeat(50_000) + "a]",
    ] {
        assert!(load_with(&text, &overrides()).is_err());
    }
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    assert_snapshot!(errors(&format!(
        "regoin = \"x\"\n{SMALLEST}healthCheck = {{}}\nport = 80\nreplicas = 2\n"
    )));
}

#[test]
fn a_key_in_the_wrong_table_is_shown_its_own() {
    assert_snapshot!(errors(&format!(
        "cpu = 256\n{SMALLEST}[services.app.spot]\nprotect = true\n"
    )));
}

#[test]
fn values_of_a_wrong_type_are_all_named() {
    assert_snapshot!(service_errors(
        "port = \"80\"\ncpu = 70000000000\ncommand = \"run\"\nread_only_root = 1\nhealth_check = []\n\
         log_retention_days = 31\nspot = true\narchitecture = \"arm64\"\n\
         environment = { A = 1, B = 2020-01-01 }\n"
    ));
}

#[test]
fn what_is_missing_is_said_once() {
    assert_snapshot!(errors("[services.app]\n[services.app.autoscaling]\nmax = 2\n"));
    assert_snapshot!(errors("name = \"a\"\nregion = \"us-east-1\"\n"));
}

#[test]
fn what_does_not_fit_is_not_complained_of_twice() {
    let text = service_errors("cpu = \"512\"\nmemory = 8192\n");
    assert!(!text.contains("Fargate"), "{text}");
}

#[test]
fn networks_must_be_cidr_blocks_with_room() {
    let network = |lines: &str| errors(&format!("{SMALLEST}[network]\n{lines}\n"));
    assert_snapshot!(network("cidr = \"10.0.1.0/16\""));
    assert_snapshot!(network("cidr = \"10.0.0/16\""));
    assert_snapshot!(network("cidr = \"10.0.0.0/26\"\nzones = 3"));
    assert_snapshot!(network("cidr = \"10.0.0.0/8\"\nzones = 1"));
    assert_snapshot!(network(
        "zones = [\"eu-west-1a\", \"eu-west-2b\", \"eu-west-1a\"]\nnat = \"one\""
    ));
}

#[test]
fn names_and_regions_must_be_those_that_aws_takes() {
    let text = "name = \"My_Shop\"\nregion = \"eu-wset-1\"\n[services.App]\nimage = \"a\"\n";
    assert_snapshot!(errors(text));
}

#[test]
fn an_environment_must_be_spelt_as_in_the_file() {
    let text = format!("{SMALLEST}[env.prod]\nprotect = true\n");
    let named = |name: &str| Overrides { environment: name.into(), ..overrides() };
    assert!(load_with(&text, &named("prod-eu")).is_ok());
    assert_snapshot!(errors_with(&text, &named("prdo")));
    assert_snapshot!(errors_with(&text, &named("Test")));
}

#[test]
fn another_environments_slips_are_found_too() {
    assert_snapshot!(errors(&format!("{SMALLEST}[env.prod.services.app]\ncuont = 4\n")));
}

#[test]
fn tasks_must_have_a_size_that_fargate_has() {
    assert_snapshot!(service_errors("cpu = 512\nmemory = 512\n"));
    assert_snapshot!(service_errors("cpu = 300\n"));
    assert_snapshot!(service_errors("cpu = 1024\n"));
}

#[test]
fn images_and_ports_must_be_well_formed() {
    assert_snapshot!(errors(&SMALLEST.replace("acme/shop:1", "https://ghcr.io/acme/Shop")));
    assert_snapshot!(service_errors("port = 0\nlistener_port = 70000\n"));
}

#[test]
fn numbers_of_tasks_must_make_sense() {
    assert_snapshot!(service_errors("count = 12\n[services.app.autoscaling]\nmin = 2\nmax = 10\n"));
    assert_snapshot!(service_errors("[services.app.autoscaling]\nmin = 5\nmax = 3\ncpu = 120\n"));
    assert_snapshot!(service_errors(
        "[services.app.spot]\non_demand_weight = 0\nspot_weight = 0\n"
    ));
    assert_snapshot!(service_errors(
        "count = 1\n[services.app.deployment]\nmaximum_percent = 150\nminimum_healthy_percent = 50\n"
    ));
}

#[test]
fn health_checks_must_be_possible() {
    assert_snapshot!(service_errors(
        "[services.app.health_check]\npath = \"health\"\ninterval_seconds = 5\ntimeout_seconds = 5\n\
         codes = \"2xx\"\nhealthy_threshold = 1\n[services.app.container_health_check]\ncommand = [\"/check\"]\n"
    ));
}

#[test]
fn variables_secrets_and_policies_must_be_well_formed() {
    assert_snapshot!(service_errors(
        "environment = { \"1A\" = \"x\", KEY = \"y\" }\n\
         secrets = { KEY = \"arn:aws:s3:::bucket\", TOKEN = \"arn:aws:ssm:eu-west-1:123456789012:parameter/t\" }\n\
         [services.app.task_policies]\nmanaged = [\"AmazonS3ReadOnlyAccess\"]\ninline = { read = {}, text = \"{\" }\n"
    ));
}

#[test]
fn secrets_and_policies_must_be_within_reach() {
    assert_snapshot!(service_errors(
        "secrets = { PART = \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-AbCdEf:password\", \
         BARE = \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/key\", \
         ALL = \"arn:aws:ssm:eu-west-1:123456789012:parameter/*\" }\n\
         task_policies.managed = [\"arn:aws-cn:iam::aws:policy/AmazonS3ReadOnlyAccess\"]\n"
    ));
}

#[test]
fn the_policy_that_lets_a_shell_in_keeps_its_name() {
    let own = "task_policies.inline.execute-command = { Statement = { Effect = \"Allow\", \
               Action = \"s3:GetObject\", Resource = \"*\" } }\n";
    load(&format!("{SMALLEST}{own}"));
    let refused = service_errors(&format!("{own}execute_command = true\n"));
    assert!(refused.contains("what the policy of `execute_command` is called"), "{refused}");
}

#[test]
fn policies_must_say_something() {
    let policies = "[services.app.task_policies.inline]\nnone = { Statement = [] }\n";
    assert_snapshot!(service_errors(policies));
}

#[test]
fn how_a_list_is_written_is_said() {
    let refused = service_errors("command = [\"sh\", 1]\n");
    assert!(refused.contains("write `\"1\"`"), "{refused}");
    let refused = service_errors("command = \"sh -c x\"\n");
    assert!(refused.contains("write `command = [\"sh\",\"-c\",\"x\"]`"), "{refused}");
}

#[test]
fn a_user_must_be_one() {
    for user in ["app", "1000", "1000:1000", "app:staff"] {
        load(&format!("{SMALLEST}user = \"{user}\"\n"));
    }
    for user in ["a b", "0:0:0", ":0", "app:"] {
        let refused = service_errors(&format!("user = \"{user}\"\n"));
        assert!(refused.contains("is no user of a container"), "{refused}");
    }
}

#[test]
fn what_is_ignored_must_be_of_a_kind_that_is_there() {
    let ignored = |address: &str| format!("{SMALLEST}[[drift.ignore]]\naddress = \"{address}\"\n");
    for address in ["service.app", "*", "sub*.public-a", "security_group.*"] {
        load(&ignored(address));
    }
    let refused = errors(&ignored("servce.app"));
    assert!(refused.contains("no kind of resource `servce`"), "{refused}");
    assert!(refused.contains("did you mean `service`?"), "{refused}");
}

#[test]
fn tags_must_be_those_that_every_service_takes() {
    assert_snapshot!(errors(&format!(
        "{SMALLEST}[tags]\n\"aws:x\" = \"1\"\nTeam = \"a\"\nteam = \"b\"\nodd = \"a#b\"\n"
    )));
    let many: Vec<String> = (0..46).map(|number| format!("t{number} = \"x\"")).collect();
    assert!(errors(&format!("{SMALLEST}[tags]\n{}", many.join("\n"))).contains("46 tags"));
}

#[test]
fn more_than_one_service_is_refused_for_now() {
    assert_snapshot!(errors(&format!("{SMALLEST}[services.worker]\nimage = \"acme/worker:1\"\n")));
}

#[test]
fn only_keys_of_the_environment_at_hand_can_be_set() {
    assert_snapshot!(errors_with(SMALLEST, &set(&[("env.prod.protect", "true")])));
}

#[test]
fn scaling_down_to_one_task_must_leave_room_for_deployments() {
    let percents = "deployment = { minimum_healthy_percent = 50, maximum_percent = 150 }\n";
    let scaling = "autoscaling = { min = 1, max = 4, cpu = 50 }\n";
    load(&format!("{SMALLEST}{percents}"));
    assert!(service_errors(&format!("{percents}{scaling}")).contains("of 1 task"));
}

#[test]
fn errors_from_the_command_line_show_it() {
    assert_snapshot!(errors_with(
        SMALLEST,
        &set(&[("services.app.cpu", "lots"), ("a b", "1"), ("tags.x", "[1]")])
    ));
    let overrides = Overrides {
        region: Some("eu-west-9".into()),
        images: vec!["ap=acme/shop:2".parse().unwrap(), "a:b:c".parse().unwrap()],
        ..overrides()
    };
    assert_snapshot!(errors_with(SMALLEST, &overrides));
}

#[test]
fn who_is_told_of_drift_must_be_within_reach() {
    let drift = |keys: &str| errors(&format!("{SMALLEST}[drift]\n{keys}\n"));
    assert_snapshot!(
        [
            drift("webhook = \"hooks.example/x\""),
            drift("webhook = \"env:1 2\"\nwebhook_secret = \"hush\"\nwebhook_format = \"irc\""),
            drift("webhook = \"env:HOOK\"\nschedule = \"rate(1 minute)\""),
            drift("schedule = \"hourly\"\nimage = \"acme/provision:1\""),
        ]
        .join("\n----\n")
    );
    let state = "[state]\nbucket = \"acme-states\"\n";
    let job = "schedule = \"rate(1 hour)\"\nimage = \"acme/provision:1\"\n";
    load(&format!("{SMALLEST}[drift]\n{job}{state}"));
}

#[test]
fn names_of_the_stacks_own_parts_are_no_services() {
    for (name, whose) in [("balancer", "load balancer"), ("drift", "check for drift")] {
        let refused = errors(&SMALLEST.replace("services.app", &format!("services.{name}")));
        assert!(refused.contains(&format!("can't be named `{name}`")), "{refused}");
        assert!(refused.contains(whose), "{refused}");
    }
}
