//! A workflow of GitHub Actions, with a role in place of keys, and one issue that it keeps.

use std::path::PathBuf;

use super::{Job, Piece, indented, yaml};

/// What the step that checks runs. What it found is in a file, and its exit code an output.
const CHECK: &str = r#"set +e
docker run --rm --volume "$PWD:/stack" --workdir /stack --entrypoint provision \
  --env AWS_ACCESS_KEY_ID --env AWS_SECRET_ACCESS_KEY --env AWS_SESSION_TOKEN --env AWS_REGION \
  "$IMAGE" ARGUMENTS > drift.txt 2> errors.txt
code=$?
cat drift.txt errors.txt
echo "code=$code" >> "$GITHUB_OUTPUT"
"#;

/// What the step that tells runs: one issue is opened when something drifts, written anew while it
/// does, and closed when nothing does any more. A check that fails, or does not even begin, is told in it
/// too. An issue's body may have 65,536 characters.
const TELL: &str = r#"number=$(gh issue list --state open --label drift --limit 1000 --json number,title \
  --jq "map(select(.title == \"$TITLE\")) | .[0].number // empty")
if [ "$CODE" = 0 ]; then
  if [ -n "$number" ]; then
    gh issue close "$number" --comment "Nothing has drifted any more."
  fi
  exit 0
fi
{ printf '```\n'; head --bytes 60000 <(cat drift.txt errors.txt || echo "The check did not begin."); printf '\n```\n\n%s\n' "$RUN"; } > body.md
if [ -n "$number" ]; then
  gh issue edit "$number" --body-file body.md
else
  gh label create drift --force --description "What somebody has changed in AWS"
  gh issue create --title "$TITLE" --label drift --body-file body.md
fi
# A check that failed fails the run; that something has drifted does not.
[ "$CODE" = 2 ]
"#;

/// The step without which nobody pulls an image of ECR: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/…`,
/// whose registry need not be that of the stack's account and region. Empty for any other image.
fn login(image: &str) -> String {
    let Some((registry, _)) = image.split_once('/') else { return String::new() };
    let parts: Vec<&str> = registry.split('.').collect();
    let [account, "dkr", "ecr", region, ..] = parts[..] else { return String::new() };
    let (account, region) = (yaml(account), yaml(region));
    format!(
        "      - uses: aws-actions/amazon-ecr-login@v2\n        with:\n          registries: {account}\n\
         \x20       env:\n          AWS_REGION: {region}\n"
    )
}

/// Where the workflow is, from the repository's root.
pub fn path(job: &Job) -> PathBuf {
    format!(".github/workflows/{}.yml", job.name()).into()
}

/// The workflow, with the role that it takes on and the image of the program.
pub fn workflow(job: &Job, role: &str, image: &str) -> Piece {
    let arguments = job.arguments.iter().map(|one| super::quoted(one)).collect::<Vec<_>>();
    let check = CHECK.replace("ARGUMENTS", &arguments.join(" "));
    let (of, region, cron) = (job.of(), &job.region, job.every.cron(&job.name()));
    let login = login(image);
    let (role, image) = (yaml(role), yaml(image));
    let mut content = format!(
        "name: Drift of {of}\n\
         on:\n  schedule:\n    - cron: {}\n  workflow_dispatch: {{}}\n\
         permissions:\n  contents: read\n  id-token: write\n  issues: write\n\
         concurrency:\n  group: {}\n  cancel-in-progress: false\n\
         jobs:\n  drift:\n    runs-on: ubuntu-latest\n    timeout-minutes: 20\n    steps:\n\
         \x20     - uses: actions/checkout@v4\n\
         \x20     - uses: aws-actions/configure-aws-credentials@v4\n\
         \x20       with:\n          role-to-assume: {role}\n          aws-region: {region}\n\
         {login}\
         \x20     - name: Check\n        id: check\n        env:\n          IMAGE: {image}\n",
        yaml(&cron),
        job.name(),
    );
    content.push_str(&format!("        run: |\n{}", indented(&check, 10)));
    content.push_str(
        "      - name: Tell\n        if: ${{ !cancelled() }}\n        env:\n          \
         GH_TOKEN: ${{ github.token }}\n          GH_REPO: ${{ github.repository }}\n          \
         CODE: ${{ steps.check.outputs.code }}\n          \
         RUN: ${{ github.server_url }}/${{ github.repository }}/actions/runs/${{ github.run_id }}\n",
    );
    content.push_str(&format!("          TITLE: {}\n", yaml(&format!("{of} has drifted"))));
    content.push_str(&format!("        run: |\n{}", indented(TELL, 10)));
    Piece::new(path(job), &content)
}
