//! A job of GitLab CI, for a scheduled pipeline to run, with a role in place of keys.

use std::path::PathBuf;

use super::{Job, Piece, yaml};

/// Where the job is, from the repository's root.
pub fn path(job: &Job) -> PathBuf {
    format!(".gitlab/{}.yml", job.name()).into()
}

/// The job, to be included from `.gitlab-ci.yml`, with the role and the image of the program.
///
/// What has drifted fails it, and GitLab tells who is to hear of failed pipelines.
pub fn pipeline(job: &Job, role: &str, image: &str) -> Piece {
    let name = job.name();
    let token = "umask 077 && printf %s \"$AWS_TOKEN\" > \"$AWS_WEB_IDENTITY_TOKEN_FILE\"";
    let content = format!(
        "{name}:\n\
         \x20 image:\n    name: {}\n    entrypoint: [\"\"]\n\
         \x20 rules:\n    - if: $CI_PIPELINE_SOURCE == \"schedule\" && $PROVISION_DRIFT == {}\n\
         \x20 id_tokens:\n    AWS_TOKEN:\n      aud: sts.amazonaws.com\n\
         \x20 variables:\n    AWS_ROLE_ARN: {}\n    AWS_REGION: {}\n\
         \x20   AWS_ROLE_SESSION_NAME: {}\n\
         \x20   AWS_WEB_IDENTITY_TOKEN_FILE: /tmp/aws-token\n\
         \x20 resource_group: {name}\n\
         \x20 timeout: 20 minutes\n\
         \x20 script:\n    - {}\n    - {}\n",
        yaml(image),
        yaml(&job.of()),
        yaml(role),
        yaml(&job.region),
        yaml(&name),
        yaml(token),
        yaml(&job.command()),
    );
    Piece::new(path(job), &content)
}
