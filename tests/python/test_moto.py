"""The program against moto, an AWS that somebody else wrote.

moto accepts more than AWS does and does everything at once, so this proves the shape of the calls
and of what is read back; order, waiting and patience are proved on the simulated AWS.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import mended_moto
import pytest
from test_boto3_life import address_of

REGION = "eu-west-1"
TASKS = 2
STACK = """
name = "life"
region = "eu-west-1"

[tags]
team = "ours = yours"

[services.app]
image = "ghcr.io/example/app:1.0.0"

[services.app.environment]
GREETING = "hello"
"""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
NEW_IMAGE = ["--image", "ghcr.io/example/app:2.0.0"]
NEW_NETWORK = [
    *NEW_IMAGE,
    "--set",
    'network.nat="per-zone"',
    "--set",
    'services.app.ingress=["203.0.113.0/24"]',
]


@dataclass
class Program:
    """The program, with everything that it should look at and nothing else."""

    binary: Path
    directory: Path
    address: str
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        """Runs a command, which must end with `exit_code`, and returns its standard output."""
        command = [self.binary, "--env", "test", "--time-scale", "100", *arguments]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "AWS_ENDPOINT_URL": self.address,
            **CREDENTIALS,
            **self.variables,
        }
        done = subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == exit_code, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def actions(self, *overrides: str) -> dict[str, str]:
        """What `plan` would do, by address, without what it would keep."""
        plan = json.loads(self.run("--json", "plan", *overrides))
        return {
            planned["address"]: planned["action"]
            for planned in plan["resources"]
            if planned["action"] != "keep"
        }


class Aws:
    """Clients of moto."""

    def __init__(self, address: str) -> None:
        session = boto3.Session(
            aws_access_key_id="any", aws_secret_access_key="any", region_name=REGION
        )

        def client(name: str) -> Any:
            return session.client(name, endpoint_url=address)

        self.ec2 = client("ec2")
        self.iam = client("iam")
        self.logs = client("logs")
        self.elb = client("elbv2")
        self.ecs = client("ecs")
        self.scaling = client("application-autoscaling")
        self.s3 = client("s3")
        self.sns = client("sns")
        self.scheduler = client("scheduler")

    def inventory(self) -> dict[str, set[str]]:
        """Everything that there is, by kind."""
        ec2, ecs = self.ec2, self.ecs
        # What was deleted stays on record for a while, as INACTIVE.
        clusters = {
            cluster["clusterArn"]
            for cluster in ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
            if cluster["status"] == "ACTIVE"
        }
        targets = self.scaling.describe_scalable_targets(ServiceNamespace="ecs")
        return {
            "vpcs": ids(ec2.describe_vpcs()["Vpcs"], "VpcId"),
            "gateways": ids(
                ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"
            ),
            "subnets": ids(ec2.describe_subnets()["Subnets"], "SubnetId"),
            "addresses": ids(ec2.describe_addresses()["Addresses"], "AllocationId"),
            "nat gateways": {
                gateway["NatGatewayId"]
                for gateway in ec2.describe_nat_gateways()["NatGateways"]
                if gateway["State"] != "deleted"
            },
            "route tables": ids(ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
            "security groups": ids(ec2.describe_security_groups()["SecurityGroups"], "GroupId"),
            # Those of AWS's own services are the account's, and stay.
            "roles": {
                role["RoleName"]
                for role in self.iam.list_roles()["Roles"]
                if not role["Path"].startswith("/aws-service-role/")
            },
            "log groups": ids(self.logs.describe_log_groups()["logGroups"], "logGroupName"),
            "clusters": clusters,
            "services": {
                service
                for cluster in clusters
                for service in ecs.list_services(cluster=cluster)["serviceArns"]
            },
            "task definitions": set(ecs.list_task_definitions()["taskDefinitionArns"]),
            "load balancers": ids(
                self.elb.describe_load_balancers()["LoadBalancers"], "LoadBalancerArn"
            ),
            "target groups": ids(self.elb.describe_target_groups()["TargetGroups"], "TargetGroupArn"),
            "scalable targets": ids(targets["ScalableTargets"], "ResourceId"),
            "topics": ids(self.sns.list_topics()["Topics"], "TopicArn"),
            "schedules": ids(self.scheduler.list_schedules()["Schedules"], "Name"),
        }


def ids(things: list[dict[str, Any]], name: str) -> set[str]:
    return {thing[name] for thing in things}


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a moto of our own."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    server = mended_moto.start(monkeypatch, running=TASKS)
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def aws(moto: str) -> Aws:
    return Aws(moto)


@pytest.fixture
def program(binary: Path, moto: str, tmp_path: Path) -> Program:
    (tmp_path / "provision.toml").write_text(STACK)
    return Program(binary, tmp_path, moto)


def test_a_stack_lives(program: Program, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    mended_moto.mend(monkeypatch)
    before = aws.inventory()

    program.run("up", "--yes")
    assert program.actions() == {}
    program.run("plan", "--detailed-exitcode")
    made = {kind: len(there - before[kind]) for kind, there in aws.inventory().items()}
    assert made == {
        "vpcs": 1,
        "gateways": 1,
        "subnets": 4,
        "addresses": 1,
        "nat gateways": 1,
        # With the main table and the default group that come with a VPC.
        "route tables": 3,
        "security groups": 3,
        "roles": 2,
        "log groups": 1,
        "clusters": 1,
        "services": 1,
        "task definitions": 1,
        "load balancers": 1,
        "target groups": 1,
        "scalable targets": 0,
        "topics": 0,
        "schedules": 0,
    }

    assert program.actions(*NEW_IMAGE) == {
        "service.app": "update",
        "task_definition.app": "update",
    }
    program.run("up", "--yes", *NEW_IMAGE)
    assert program.actions(*NEW_IMAGE) == {}
    assert image_of_the_service(aws) == NEW_IMAGE[1]

    program.run("plan", "--detailed-exitcode", *NEW_NETWORK, exit_code=2)
    program.run("up", "--yes", *NEW_NETWORK)
    assert program.actions(*NEW_NETWORK) == {}
    assert len(aws.inventory()["nat gateways"] - before["nat gateways"]) == 2

    status = json.loads(program.run("--json", "status"))
    assert [service["running"] for service in status["services"]] == [TASKS]
    balancers = aws.elb.describe_load_balancers()["LoadBalancers"]
    assert program.run("output", "alb_dns_name") == balancers[0]["DNSName"] + "\n"

    program.run("down", "--yes")
    assert aws.inventory() == before
    program.run("down", "--yes")


def image_of_the_service(aws: Aws) -> str:
    service = aws.ecs.describe_services(cluster="life-test", services=["life-test"])["services"][0]
    definition = aws.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
    image: str = definition["taskDefinition"]["containerDefinitions"][0]["image"]
    return image


def test_of_moto_as_it_is_exactly_the_known_losses_are_seen(program: Program) -> None:
    program.run("up", "--yes", "--no-wait")
    plan = json.loads(program.run("--json", "plan"))
    lost = {
        (planned["address"], change["path"])
        for planned in plan["resources"]
        for change in planned["changes"]
    }
    assert lost == {
        ("service.app", "capacity"),
        ("service.app", "grace_period_seconds"),
        ("service.app", "rollback"),
    }
    # What UpdateService is given moto keeps.
    program.run("up", "--yes", "--no-wait", "--revert-drift")
    assert program.actions() == {}
    program.run("down", "--yes")


STATE = """
[state]
bucket = "life-state"
prefix = "team"
"""


def test_a_state_is_kept_in_a_bucket(
    binary: Path, moto: str, tmp_path: Path, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Conditional writes, lists, deletions and the lease, by somebody else's account of S3."""
    mended_moto.mend(monkeypatch)
    s3 = aws.s3
    make_bucket(s3)
    (tmp_path / "provision.toml").write_text(STACK + STATE)
    program = Program(binary, tmp_path, moto)
    # A bucket of moto's is made without what AWS's have had since 2023.
    program.run("up", "--yes", exit_code=1)
    shut_bucket(s3)
    s3.put_bucket_versioning(
        Bucket="life-state", VersioningConfiguration={"Status": "Enabled"}
    )

    program.run("up", "--yes", "--no-wait")
    assert not (tmp_path / "state").exists()
    assert "team/life-test.json" in keys(s3)
    assert not any(".journal/" in key or key.endswith(".lock") for key in keys(s3))
    body = s3.get_object(Bucket="life-state", Key="team/life-test.json")["Body"].read()
    assert json.loads(body)["stack"] == "life"

    # Somebody else's lease keeps us out.
    lease = {
        "id": "other",
        "holder": {
            "host": "elsewhere",
            "process": 1,
            "user": "ada",
            "since": "2026-01-01T00:00:00Z",
            "command": "up",
        },
        "valid_s": 120,
        "renewed": 0,
    }
    s3.put_object(Bucket="life-state", Key="team/life-test.lock", Body=json.dumps(lease))
    shown = json.loads(program.run("--json", "state", "lock"))
    assert shown["holder"]["user"] == "ada"
    program.run("up", "--yes", "--no-wait", exit_code=1)
    program.run("state", "unlock", "--yes")
    program.run("up", "--yes", "--no-wait")

    program.run("down", "--yes")
    assert all(key.startswith("team/life-test.backups/") for key in keys(s3))
    versions = s3.list_object_versions(Bucket="life-state", Prefix="team/life-test.json")
    assert versions["DeleteMarkers"] and len(versions["Versions"]) > 2


def make_bucket(s3: Any) -> None:
    region = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket="life-state", CreateBucketConfiguration=region)


def shut_bucket(s3: Any) -> None:
    switches = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
    s3.put_public_access_block(
        Bucket="life-state", PublicAccessBlockConfiguration=dict.fromkeys(switches, True)
    )


def keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="life-state").get("Contents", [])]


CHECKED = """
[drift]
schedule = "rate(1 hour)"
image = "ghcr.io/example/provision:1.0.0"
"""


@pytest.fixture
def cloudwatch(binary: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a CloudWatch, which is not moto's."""
    server = subprocess.Popen(
        [binary, "local", "serve", "--port", "0", "--time-scale", "100"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "AWS_REGION": REGION},
    )
    try:
        yield address_of(server)
    finally:
        server.terminate()
        server.wait(timeout=10)


def test_a_stack_that_is_checked_lives(
    program: Program, aws: Aws, cloudwatch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended_moto.mend(monkeypatch)
    make_bucket(aws.s3)
    shut_bucket(aws.s3)
    (program.directory / "provision.toml").write_text(STACK + CHECKED + STATE)
    before = aws.inventory()
    # moto does not know the CBOR that CloudWatch is asked in.
    program.run("up", "--yes", exit_code=1)
    assert aws.inventory() == before

    program.variables = {"AWS_ENDPOINT_URL_CLOUDWATCH": cloudwatch}
    program.run("up", "--yes")
    assert program.actions() == {}
    made = {kind: len(there - before[kind]) for kind, there in aws.inventory().items()}
    of_the_check = ["roles", "log groups", "task definitions", "topics", "schedules"]
    assert [made[kind] for kind in of_the_check] == [5, 2, 2, 1, 1]
    schedule = aws.scheduler.get_schedule(Name="life-test-drift")
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    target = schedule["Target"]
    assert target["RoleArn"].endswith(":role/life-test-drift-schedule")
    topic = program.run("output", "drift_topic_arn").strip()
    tags = aws.sns.list_tags_for_resource(ResourceArn=topic)["Tags"]
    assert {"Key": "team", "Value": "ours = yours"} in tags

    # The whole schedule is given anew, and a topic is read as it was changed.
    daily = ["--set", 'drift.schedule="cron(0 6 * * ? *)"', "--set", 'tags.team="others"']
    aws.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="DisplayName", AttributeValue="theirs"
    )
    changed = program.actions(*daily)
    assert {changed[address] for address in ("schedule.drift", "topic.drift")} == {"update"}
    program.run("up", "--yes", "--revert-drift", *daily)
    assert program.actions(*daily) == {}
    schedule = aws.scheduler.get_schedule(Name="life-test-drift")
    assert schedule["ScheduleExpression"] == "cron(0 6 * * ? *)"
    assert schedule["Target"] == target
    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["DisplayName"] == "Drift of life"

    program.run("down", "--yes")
    assert aws.inventory() == before
