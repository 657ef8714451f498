"""What `provision schedule` writes, judged by other people's parsers and schemas."""

import json
import os
import pathlib
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml
from crontab import CronTab

PROVISION = os.environ["PROVISION_BIN"]
NAME = "provision-drift-shop-dev"
STACK = """
name = "shop"
region = "eu-west-1"

[services.app]
image = "nginx:1.27"

[state]
bucket = "acme-states"

[drift]
webhook = "env:DRIFT_WEBHOOK"
image = "acme/provision:1"
"""


@pytest.fixture
def stack(tmp_path):
    (tmp_path / "provision.toml").write_text(STACK)
    return tmp_path


def provision(stack: pathlib.Path, *arguments: str) -> str:
    environment = {"HOME": str(stack), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [PROVISION, *arguments], cwd=stack, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def install(stack: pathlib.Path, by: str, *more: str) -> str:
    role = "arn:aws:iam::123456789012:role/drift"
    return provision(stack, "schedule", "install", by, "--role", role, *more)


def check_schema(schema: str, path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    judged = subprocess.run(command, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout


def test_the_workflow_fits_github_s_schema_and_its_steps_are_shell(stack):
    install(stack, "github")
    path = stack / ".github" / "workflows" / f"{NAME}.yml"
    check_schema("vendor.github-workflows", path)
    steps = yaml.safe_load(path.read_text())["jobs"]["drift"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) == 2
    for script in scripts:
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def run_tell(
    stack: pathlib.Path, code: int | str, issues: list, found: str | None = "what was found"
) -> tuple[int, list[str]]:
    """Runs the step that tells, with a `gh` that writes down what it is asked."""
    install(stack, "github")
    path = stack / ".github" / "workflows" / f"{NAME}.yml"
    steps = yaml.safe_load(path.read_text())["jobs"]["drift"]["steps"]
    step = next(step for step in steps if step.get("name") == "Tell")
    tools = stack / "bin"
    tools.mkdir(exist_ok=True)
    log = stack / "gh.log"
    log.unlink(missing_ok=True)
    (tools / "gh").write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        f"pathlib.Path({str(log)!r}).open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        f"if sys.argv[1:3] == ['issue', 'list']: print({issues!r}[0] if {issues!r} else '')\n"
    )
    (tools / "gh").chmod(0o755)
    for name in ("drift.txt", "errors.txt"):
        if found is None:
            (stack / name).unlink(missing_ok=True)
        else:
            (stack / name).write_text(f"{found}\n")
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "CODE": str(code),
        "RUN": "https://example.com/run",
        "TITLE": step["env"]["TITLE"],
    }
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=stack, env=environment
    )
    asked = [" ".join(line.split()[:2]) for line in log.read_text().splitlines()]
    return done.returncode, [one for one in asked if one != "issue list"]


def test_the_workflow_keeps_one_issue(stack):
    assert run_tell(stack, 0, []) == (0, [])
    assert run_tell(stack, 2, []) == (0, ["label create", "issue create"])
    assert run_tell(stack, 2, [7]) == (0, ["issue edit"])
    assert run_tell(stack, 0, [7]) == (0, ["issue close"])
    code, asked = run_tell(stack, 1, [])
    assert code != 0 and asked == ["label create", "issue create"]


def test_a_check_that_does_not_begin_is_told_too(stack):
    code, asked = run_tell(stack, "", [], None)
    assert code != 0 and asked == ["label create", "issue create"]
    assert "did not begin" in (stack / "body.md").read_text()


def test_the_job_fits_gitlab_s_schema(stack):
    install(stack, "gitlab")
    path = stack / ".gitlab" / f"{NAME}.yml"
    check_schema("vendor.gitlab-ci", path)
    job = yaml.safe_load(path.read_text())[NAME]
    assert job["script"][-1] == "provision -e dev drift"


def test_the_file_in_the_manifest_may_begin_with_spaces(stack):
    (stack / "provision.toml").write_text("   # The shop.\n" + STACK)
    install(stack, "kubernetes")
    documents = list(yaml.safe_load_all((stack / f"{NAME}.yaml").read_text()))
    assert documents[1]["data"]["provision.toml"] == "   # The shop.\n" + STACK


def test_an_issue_is_no_longer_than_github_takes_it(stack):
    assert run_tell(stack, 2, [], "a" * 70000) == (0, ["label create", "issue create"])
    assert len((stack / "body.md").read_text()) <= 65536


def test_the_manifest_is_what_kubernetes_takes(stack):
    install(stack, "kubernetes", "--every", "15m")
    documents = list(yaml.safe_load_all((stack / f"{NAME}.yaml").read_text()))
    kinds = [document["kind"] for document in documents]
    assert kinds == ["ServiceAccount", "ConfigMap", "CronJob"]
    for document in documents:
        kubernetes_validate.validate(document, "1.34", strict=True)
    assert documents[1]["data"]["provision.toml"].strip() == STACK.strip()
    spec = documents[2]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    container = spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["-e", "dev", "drift", "--tell"]
    assert container["env"][1]["valueFrom"]["secretKeyRef"]["key"] == "DRIFT_WEBHOOK"


@pytest.mark.parametrize("every", ["5m", "15m", "1h", "4h", "24h"])
def test_the_line_is_one_that_cron_understands(stack, every):
    shown = provision(stack, "schedule", "install", "crontab", "--every", every, "--show")
    crontab = CronTab(tab=shown)
    jobs = [job for job in crontab if job.is_enabled()]
    assert len(jobs) == 1 and jobs[0].is_valid()
    minutes = {"m": 1, "h": 60}[every[-1]] * int(every[:-1])
    assert jobs[0].frequency_per_day() == 24 * 60 // minutes


def test_the_schema_of_the_file_takes_what_this_file_says(stack):
    schema = json.loads(provision(stack, "schema"))
    assert "schedule" in schema["$defs"]["Drift"]["properties"]
