//! What keeps an image from being pulled.

use super::super::evidence::{Evidence, StoppedTask};
use super::super::finding::{Cause, Finding};
use super::{last_lines, words};

/// Tasks whose image could not be pulled, and that say one of `reasons`.
fn unpulled<'e>(evidence: &'e Evidence, reasons: &[&str]) -> Vec<&'e StoppedTask> {
    let pulls = ["cannotpull", "failed to resolve ref", "registry auth"];
    let stopped = evidence.stopped.iter();
    stopped.filter(|task| task.tells_of(&pulls) && task.tells_of(reasons)).collect()
}

/// Words of registries that do not say whether the image is private or not there at all.
const EITHER: &[&str] = &["pull access denied", "repository does not exist or may require"];

/// The registry has no such image.
pub(super) fn not_found(evidence: &Evidence) -> Option<Finding> {
    const WORDS: &[&str] = &[
        ": not found",
        "manifest unknown",
        "name unknown",
        "repositorynotfound",
        "imagenotfound",
        "does not exist in the registry",
        "404 not found",
    ];
    let mut tasks = unpulled(evidence, WORDS);
    tasks.retain(|task| !task.tells_of(EITHER) && !task.tells_of(NO_MANIFEST));
    let image = &evidence.task.image;
    (!tasks.is_empty()).then(|| {
        Finding::new(
            Cause::ImageNotFound,
            format!("the image {image} does not exist"),
            "The registry answers, and has no image of that name and tag.",
        )
        .remedy(format!("push it: `docker push {image}`"))
        .remedy(format!("or correct {}, or `--image REF`", evidence.key("image")))
        .said(words(&tasks))
        .lasting_if(true)
    })
}

/// The registry does not give the image to this task.
pub(super) fn denied(evidence: &Evidence) -> Option<Finding> {
    const WORDS: &[&str] = &[
        "403 forbidden",
        "401 unauthorized",
        "no basic auth credentials",
        "not authorized to perform: ecr:",
        "failed to authorize",
        "failed to fetch anonymous token",
        "denied: ",
        "accessdeniedexception",
    ];
    let mut tasks = unpulled(evidence, &[WORDS, EITHER].concat());
    tasks.retain(|task| !task.tells_of(&["secretsmanager", "ssm:", "kms:"]));
    tasks.retain(|task| !task.tells_of(&["too many requests", "toomanyrequests"]));
    let image = &evidence.task.image;
    (!tasks.is_empty()).then(|| {
        let finding = Finding::new(
            Cause::ImageDenied,
            format!("the registry does not let tasks pull {image}"),
            "The image is private, or it does not exist: some registries answer the same to both, \
             so that nobody can guess what they hold.",
        );
        let finding = if image.contains(".dkr.ecr.") {
            finding.remedy(
                "for a repository of another account: its policy must let this account pull \
                 (`aws ecr get-repository-policy`)",
            )
        } else {
            finding
                .remedy("make the image public")
                .remedy("or push it to ECR, which tasks of this account may pull from")
        };
        finding
            .remedy(format!("or correct {}", evidence.key("image")))
            .said(words(&tasks))
            .lasting_if(true)
    })
}

/// The registry gives no more images for now.
pub(super) fn rate_limited(evidence: &Evidence) -> Option<Finding> {
    let tasks = unpulled(evidence, &["toomanyrequests", "too many requests", "pull rate limit"]);
    (!tasks.is_empty()).then(|| {
        Finding::new(
            Cause::ImageRateLimited,
            "the registry lets nobody pull so often",
            "Docker Hub counts anonymous pulls by address, and all tasks behind a NAT gateway share \
             one. The count is reset after some hours.",
        )
        .remedy(
            "take the image from ECR: push it there, or pull through its cache \
             (`public.ecr.aws/docker/library/…` has Docker's official images)",
        )
        .said(words(&tasks))
    })
}

/// Words for an image without a manifest for the task's processors.
const NO_MANIFEST: &[&str] = &[
    "descriptor matching platform",
    "no match for platform",
    "no matching manifest",
    "does not match the specified platform",
];

/// The image is for other processors than the task's.
pub(super) fn architecture(evidence: &Evidence) -> Option<Finding> {
    let tasks: Vec<_> = evidence.stopped.iter().filter(|task| is_misbuilt(task)).collect();
    let first = *tasks.first()?;
    let (docker, other) = match evidence.task.architecture.as_str() {
        "ARM64" => ("linux/arm64", "X86_64"),
        _ => ("linux/amd64", "ARM64"),
    };
    let image = &evidence.task.image;
    Some(
        Finding::new(
            Cause::WrongArchitecture,
            format!("the image {image} was not built for {docker}"),
            "Images hold programs for one kind of processors, and images that are built on a Mac \
             with an Apple chip are for ARM64 unless told otherwise.",
        )
        .remedy(format!("build it for the task: `docker build --platform {docker} …`"))
        .remedy(format!("or run it where it fits: {} = \"{other}\"", evidence.key("architecture")))
        .said(words(&tasks))
        .said(last_lines(first))
        .lasting_if(true),
    )
}

/// Whether a task's program was built for another processor.
pub(super) fn is_misbuilt(task: &StoppedTask) -> bool {
    let logged = task.log.iter().any(|line| line.to_lowercase().contains("exec format error"));
    logged || task.tells_of(&["exec format error"]) || task.tells_of(NO_MANIFEST)
}
