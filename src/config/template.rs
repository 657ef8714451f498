//! The file that `provision init` writes.

use super::service::Service;

/// What could be guessed of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guess {
    /// The stack's name, from the directory's.
    pub name: String,
    /// The region, from `--region` or the process's environment.
    pub region: Option<String>,
    /// The image, if one is known.
    pub image: Option<String>,
    /// The port that the image exposes.
    pub port: Option<u16>,
    /// The path that answers while the service is well.
    pub health_path: Option<String>,
}

impl Guess {
    /// What is guessed of a directory of which only the name is known.
    pub fn of_directory(name: &str) -> Self {
        Self { name: stack_name(name), region: None, image: None, port: None, health_path: None }
    }
}

/// The longest name that is guessed: what fits everywhere with an environment behind it.
const LONGEST_NAME: usize = 24;

/// The region that is written where none is known.
const REGION: &str = "eu-central-1";

/// A stack's name made from any text: its letters, digits and hyphens, beginning with a letter.
fn stack_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-");
    let begins = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name = cut(begins);
    let reserved = ["internal", "sg"].iter().any(|word| {
        name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    });
    if name.is_empty() {
        "app".into()
    } else if reserved {
        cut(&format!("app-{name}"))
    } else {
        name
    }
}

/// As much as a name may hold, without a hyphen at its end.
fn cut(text: &str) -> String {
    let fits: String = text.chars().take(LONGEST_NAME).collect();
    fits.trim_end_matches('-').to_owned()
}

/// A commented `provision.toml` that says what was guessed, and shows what else could be said.
pub fn template(guess: &Guess) -> String {
    let defaults = Service::default();
    let region = guess.region.as_deref().unwrap_or(REGION);
    let image = match &guess.image {
        Some(image) => format!("image = {}", quoted(image)),
        None => format!(
            "# The image to run: push yours to a registry, and name it here.\nimage = {}",
            quoted(&format!("ghcr.io/your-account/{}:1.0.0", guess.name))
        ),
    };
    let port = guess.port.unwrap_or(defaults.port);
    let health_path = guess.health_path.as_deref().unwrap_or(&defaults.health_check.path);
    format!(
        r#"# What `provision up` creates. Every key is described in docs/configuration.md;
# what is commented out shows the default or an example.

name = {name}
region = {region}

[services.app]
{image}
port = {port}
# cpu = 256                 # CPU units; 1024 are one vCPU
# memory = 512              # MiB
# architecture = "X86_64"   # or "ARM64", if the image was built for it
# count = 2                 # how many tasks run
# log_retention_days = 30   # or "never"

[services.app.health_check]
path = {health_path}

# [services.app.environment]
# LOG_LEVEL = "info"

# Values that are secrets, by the ARN of a Secrets Manager secret or an SSM parameter.
# [services.app.secrets]
# DATABASE_URL = "arn:aws:secretsmanager:{bare_region}:123456789012:secret:database-url-AbCdEf"

# [services.app.autoscaling]
# min = 2
# max = 10
# cpu = 60                  # hold the average use at 60 percent

# [network]
# cidr = "10.0.0.0/16"
# zones = 2
# nat = "single"            # "per-zone" costs more and survives the loss of a zone

# [tags]
# team = "shop"

# What is other than above in one environment: `provision -e prod up`.
# [env.prod]
# protect = true
# [env.prod.services.app]
# count = 4
"#,
        name = quoted(&guess.name),
        region = quoted(region),
        bare_region = region,
        health_path = quoted(health_path),
    )
}

/// A text as TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Config, Overrides, Source};

    fn load(text: &str) -> Config {
        let source = Source { path: "provision.toml".into(), text: text.into() };
        let overrides = Overrides { environment: "dev".into(), ..Overrides::default() };
        Config::load(&source, &overrides).unwrap()
    }

    #[test]
    fn a_template_loads_with_and_without_guesses() {
        let bare = Guess::of_directory("Simple Time_Service");
        assert_eq!(load(&template(&bare)).name, "simple-time-service");
        let full = Guess {
            region: Some("us-east-2".into()),
            image: Some("acme/shop:1".into()),
            port: Some(9000),
            health_path: Some("/well".into()),
            ..bare
        };
        let config = load(&template(&full));
        let service = &config.services["app"];
        assert_eq!((config.region.as_str(), service.port), ("us-east-2", 9000));
        assert_eq!(
            (service.image.as_str(), service.health_check.path.as_str()),
            ("acme/shop:1", "/well")
        );
    }

    #[test]
    fn a_name_that_is_cut_behind_a_hyphen_loses_it() {
        let guess = Guess::of_directory("internal-internalsg-sg");
        assert_eq!(load(&template(&guess)).name, "app-internal-internalsg");
    }

    #[test]
    fn what_a_template_comments_out_is_right_too() {
        let text = template(&Guess::of_directory("shop"));
        let prose = |line: &str| !(line.contains(" = ") || line.starts_with("# ["));
        let uncommented = text.lines().filter(|line| !(line.starts_with('#') && prose(line)));
        let uncommented: Vec<_> = uncommented.map(|line| line.trim_start_matches("# ")).collect();
        let config = load(&uncommented.join("\n"));
        assert_eq!(config.services["app"].autoscaling.as_ref().unwrap().max, 10);
    }

    proptest! {
        #[test]
        fn any_directory_gives_a_name_that_loads(name in any::<String>()) {
            load(&template(&Guess::of_directory(&name)));
        }

        #[test]
        fn short_names_give_names_that_load(name in "(sg|internal|1|-|a|B| ){0,6}") {
            load(&template(&Guess::of_directory(&name)));
        }
    }
}
