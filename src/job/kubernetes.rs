//! A CronJob of Kubernetes, with the stack's file in a ConfigMap and a role for its service account.

use std::path::PathBuf;

use super::{Job, Piece, indented, yaml};
use crate::names;

/// How long a CronJob's name may be: its jobs' names have eleven more characters ("CronJob" in the
/// documentation of Kubernetes).
const LONGEST: usize = 52;

/// Where the manifest is.
pub fn path(job: &Job) -> PathBuf {
    format!("{}.yaml", job.name()).into()
}

/// What everything in the manifest is called.
fn name(job: &Job) -> String {
    names::cut(job.name(), LONGEST)
}

/// The manifest, with the role, the image of the program, and the stack's file.
pub fn manifest(job: &Job, role: &str, image: &str, file: &str) -> Piece {
    let name = name(job);
    let account = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  annotations:\n    \
         eks.amazonaws.com/role-arn: {}\n",
        yaml(role)
    );
    // The file may begin with spaces of its own: how many are the manifest's is said.
    let config = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  provision.toml: |2\n{}",
        indented(file, 4)
    );
    let content = format!("{account}---\n{config}---\n{}", cron_job(job, image));
    Piece::new(path(job), &content)
}

fn cron_job(job: &Job, image: &str) -> String {
    let (name, cron) = (name(job), yaml(&job.every.cron(&job.name())));
    let arguments: Vec<String> = job.arguments.iter().map(|one| yaml(one)).collect();
    let secret = job.secret.as_ref().map(|variable| {
        format!(
            "                - name: {variable}\n                  valueFrom:\n                    \
             secretKeyRef:\n                      name: {name}\n                      key: {variable}\n"
        )
    });
    format!(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: {name}\n\
         spec:\n  schedule: {cron}\n  concurrencyPolicy: Forbid\n  startingDeadlineSeconds: 300\n\
         \x20 jobTemplate:\n    spec:\n      backoffLimit: 0\n      activeDeadlineSeconds: 1200\n\
         \x20     template:\n        spec:\n          serviceAccountName: {name}\n\
         \x20         restartPolicy: Never\n          securityContext:\n\
         \x20           runAsNonRoot: true\n            runAsUser: 65532\n\
         \x20         containers:\n            - name: provision\n              image: {}\n\
         \x20             command: [\"provision\"]\n              args: [{}]\n\
         \x20             workingDir: /stack\n\
         \x20             env:\n                - name: AWS_REGION\n                  value: {}\n\
         {}\
         \x20             securityContext:\n                allowPrivilegeEscalation: false\n\
         \x20               readOnlyRootFilesystem: true\n                capabilities:\n\
         \x20                 drop: [\"ALL\"]\n\
         \x20             resources:\n                requests:\n                  cpu: 100m\n\
         \x20                 memory: 128Mi\n                limits:\n                  memory: 256Mi\n\
         \x20             volumeMounts:\n                - name: stack\n\
         \x20                 mountPath: /stack\n                  readOnly: true\n\
         \x20         volumes:\n            - name: stack\n              configMap:\n\
         \x20               name: {name}\n",
        yaml(image),
        arguments.join(", "),
        yaml(&job.region),
        secret.unwrap_or_default(),
    )
}
