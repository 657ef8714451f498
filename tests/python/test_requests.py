"""What the program sends, checked against AWS's own service models.

A proxy stands between the program and `provision local serve`, and records every request as it is
on the wire. Each is read back and checked for members, types, sizes, patterns and enums, whatever
the simulated AWS thinks of it.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import cbor2
import pytest
from model_check import faults
from recorded import Asked, Recorded, Unreadable, model
from test_boto3_life import address_of
from wire_requests import read

REGION = "eu-west-1"
TIME_SCALE = "500"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIASIMULATED", "AWS_SECRET_ACCESS_KEY": "any"}
DOCS = Path(__file__).parents[2] / "docs"
POLICIES = ["iam-policy.json", "iam-policy-state.json", "iam-policy-who.json"]
BUCKET = "large-states"

SMALLEST = """
name = "small"
region = "eu-west-1"
[services.app]
image = "nginx:1.27"
"""

LARGEST = """
name = "large"
region = "eu-west-1"
protect = false

[network]
cidr = "10.20.0.0/20"
zones = 3
nat = "per-zone"

[cluster]
container_insights = "enhanced"

[drift]
schedule = "rate(1 hour)"
image = "ghcr.io/example/provision:1.0.0"

[state]
bucket = "{bucket}"
prefix = "team/states"
kms_key = "alias/state"

[tags]
team = "ours = yours"
cost-centre = "Größe 42"

[services.app]
image = "ghcr.io/example/app@sha256:{digest}"
port = 8080
cpu = 1024
memory = 3072
architecture = "ARM64"
count = 3
command = ["serve", "--greeting", "hello = world & more"]
user = "1000:1000"
read_only_root = false
stop_timeout_seconds = 60
grace_period_seconds = 90
deregistration_delay_seconds = 15
ingress = ["203.0.113.0/24", "198.51.100.7/32"]
listener_port = 8081
log_retention_days = 7
execute_command = true

[services.app.environment]
GREETING = "hello = world & more\\nand a second line"
EMPTY = ""

[services.app.secrets]
PASSWORD = "{secret}:password::"
TOKEN = "{parameter}"

[services.app.health_check]
path = "/health?deep=1"
interval_seconds = 10
timeout_seconds = 4
healthy_threshold = 3
unhealthy_threshold = 4
codes = "200-204"

[services.app.container_health_check]
command = "curl -f http://localhost:8080/health || exit 1"
interval_seconds = 15
timeout_seconds = 10
retries = 4
start_period_seconds = 30

[services.app.spot]
base = 1
on_demand_weight = 1
spot_weight = 2

[services.app.autoscaling]
min = 2
max = 9
cpu = 60
memory = 70
requests_per_target = 500

[services.app.deployment]
minimum_healthy_percent = 50
maximum_percent = 150
rollback = true

[services.app.task_policies]
managed = ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
[services.app.task_policies.inline.queue]
Version = "2012-10-17"
[[services.app.task_policies.inline.queue.Statement]]
Effect = "Allow"
Action = ["sqs:SendMessage"]
Resource = "*"
"""

# One after another, so that everything that can be changed in place is.
NEW_IMAGE = ["--image", "ghcr.io/example/app:2.0.0"]
CHANGES: list[list[str]] = [
    NEW_IMAGE,
    ["network.zones=2", "services.app.ingress=[]", "tags.team='others'", 'cluster.container_insights="disabled"'],
    ["drift.schedule='cron(0 6 * * ? *)'", "drift.image='ghcr.io/example/provision:2.0.0'"],
    [
        'services.app.log_retention_days="never"',
        "services.app.health_check.interval_seconds=20",
        "services.app.deregistration_delay_seconds=40",
        "services.app.autoscaling.max=7",
        "services.app.spot=false",
        "services.app.task_policies={}",
        "services.app.ingress=['0.0.0.0/0']",
    ],
    ["network.nat='single'", "services.app.autoscaling=false", "services.app.count=2"],
    ["services.app.listener_port=9000", "services.app.port=9090"],
    ["network.nat='none'"],
    ["protect=true"],
]

# Allowed apart: under a condition, and to the check in the account.
ALLOWED_APART = {"iam:CreateServiceLinkedRole", "sns:Publish"}

# Where the name in policies is not that of the model and its operation.
SIGNING = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
ACTIONS = {
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListObjectsV2": "s3:ListBucket",
}


class Server(ThreadingHTTPServer):
    """A server that many can connect to at once: who finds no place is put off for up to a minute."""

    request_queue_size = 512


@dataclass
class Recorder:
    """An HTTP server that records requests and passes them on."""

    behind: str
    recorded: list[Recorded] = field(default_factory=list, repr=False)
    # What is not passed on: the target of JSON, and the code that it is refused with.
    refused: dict[str, str] = field(default_factory=dict)
    # Hears of every request that was carried out, before its answer is given.
    listener: Callable[[Recorded], None] | None = None

    def start(self) -> ThreadingHTTPServer:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status, headers, answer = recorder.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                # Who is interrupted, or gives up, no longer listens.
                with contextlib.suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def answer(
        self, method: str, path: str, headers: Any, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        recorded = Recorded(method, path, in_small_letters(headers), body)
        self.recorded.append(recorded)
        code = self.refused.get(recorded.header("x-amz-target"))
        if code is not None:
            return 400, [("Content-Type", "application/x-amz-json-1.1")], refusal(code)
        answer = self.pass_on(recorded, dict(headers.items()))
        if self.listener is not None:
            self.listener(recorded)
        return answer

    def pass_on(
        self, recorded: Recorded, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        address = urlsplit(self.behind)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        try:
            connection.request(recorded.method, recorded.path, recorded.body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


def in_small_letters(headers: Any) -> dict[str, str]:
    """Headers by their names; one that comes twice has both values."""
    read: dict[str, str] = {}
    for name, value in headers.items():
        name = name.lower()
        read[name] = f"{read[name]},{value}" if name in read else value
    return read


def refusal(code: str) -> bytes:
    return json.dumps({"__type": code, "message": "Refused on the way."}).encode()


@dataclass
class Program:
    """The program, behind the recorder."""

    binary: Path
    directory: Path
    address: str
    recorder: Recorder

    def run(
        self, *arguments: str, exit_code: int = 0, variables: Mapping[str, str] | None = None
    ) -> str:
        started = self.start(*arguments, variables=variables or {})
        return self.ended(started, exit_code)

    def start(self, *arguments: str, variables: Mapping[str, str]) -> "subprocess.Popen[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "AWS_ENDPOINT_URL": self.address,
            **CREDENTIALS,
            **variables,
        }
        return subprocess.Popen(
            [self.binary, "--time-scale", TIME_SCALE, *arguments],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, started: "subprocess.Popen[str]", exit_code: int) -> str:
        try:
            out, err = started.communicate(timeout=300)
        finally:
            started.kill()
        assert started.returncode == exit_code, f"{started.args}:\n{out}\n{err}"
        return err

    def interrupt(self, target: str, *arguments: str, exit_code: int) -> str:
        """Runs a command, and interrupts it as soon as AWS has carried out the first `target`."""
        started = self.start(*arguments, variables={})

        def listen(recorded: Recorded) -> None:
            if recorded.header("x-amz-target").endswith(f".{target}"):
                self.recorder.listener = None
                started.send_signal(signal.SIGINT)

        self.recorder.listener = listen
        return self.ended(started, exit_code)

    def asked(self) -> list[Asked]:
        return [read(recorded) for recorded in self.recorder.recorded]


@pytest.fixture
def program(binary: Path, tmp_path: Path) -> Iterator[Program]:
    server = subprocess.Popen(
        [binary, "local", "serve", "--port", "0", "--time-scale", TIME_SCALE],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "AWS_REGION": REGION},
    )
    recorder = Recorder(address_of(server))
    proxy = recorder.start()
    try:
        host, port = proxy.server_address[:2]
        yield Program(binary, tmp_path, f"http://{host!s}:{port}", recorder)
    finally:
        proxy.shutdown()
        proxy.server_close()
        server.terminate()
        server.wait(timeout=10)


def describe(program: Program, text: str) -> None:
    (program.directory / "provision.toml").write_text(text)


def largest(program: Program) -> str:
    """The largest stack, with a secret and a parameter that are there."""
    secrets, parameters = client(program, "secretsmanager"), client(program, "ssm")
    secret = secrets.create_secret(Name="large/key", SecretString="{}")["ARN"]
    parameters.put_parameter(Name="/large/token", Value="hush", Type="SecureString")
    parameter = f"arn:aws:ssm:{REGION}:123456789012:parameter/large/token"
    values = {"digest": "0" * 64, "secret": secret, "parameter": parameter, "bucket": BUCKET}
    return LARGEST.format(**values)


def make_bucket(program: Program) -> None:
    s3 = client(program, "s3")
    region = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=region)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def overrides(change: list[str]) -> list[str]:
    if change[0].startswith("--"):
        return change
    return [part for pair in change for part in ("--set", pair)]


def all_faults(asked: list[Asked]) -> set[str]:
    return {
        f"{one.service} {one.operation}: {fault}"
        for one in asked
        for fault in faults(one.members, one.shape)
    }


def client(program: Program, name: str) -> Any:
    """A client of the AWS behind the program, which is not recorded."""
    session = boto3.Session("any", "any", region_name=REGION)
    return session.client(name, endpoint_url=program.recorder.behind)


def spoil(program: Program) -> None:
    """Changes by hand what the program then has to change back."""
    ec2, iam = client(program, "ec2"), client(program, "iam")
    own = [{"Name": "tag:provision:stack", "Values": ["large"]}]
    subnet = ec2.describe_subnets(Filters=own)["Subnets"][0]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    tables = ec2.describe_route_tables(Filters=own)["RouteTables"]
    gateway = ec2.describe_internet_gateways(Filters=own)["InternetGateways"][0]
    for table in tables:
        if any("NatGatewayId" in route for route in table["Routes"]):
            ec2.replace_route(
                RouteTableId=table["RouteTableId"],
                DestinationCidrBlock="0.0.0.0/0",
                GatewayId=gateway["InternetGatewayId"],
            )
    groups = ec2.describe_security_groups(Filters=own)["SecurityGroups"]
    for group in groups:
        # Without its way out the load balancer would find every task unhealthy.
        is_service = group["GroupName"].endswith("-service")
        spoil_rules(ec2, group["GroupId"], shuts=is_service)
    trust = iam.get_role(RoleName="large-dev-task")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"][0]["Principal"]["Service"] = ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"]
    iam.update_assume_role_policy(RoleName="large-dev-task", PolicyDocument=json.dumps(trust))
    iam.update_role(RoleName="large-dev-task", Description="somebody else's")
    scaling = client(program, "application-autoscaling")
    scaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId="service/large-dev/large-dev",
        ScalableDimension="ecs:service:DesiredCount",
        MaxCapacity=8,
    )
    elb = client(program, "elbv2")
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]
    elb.set_security_groups(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        SecurityGroups=[group["GroupId"] for group in groups],
    )


def spoil_rules(ec2: Any, group: str, shuts: bool) -> None:
    """Another rule each way, other words for a rule in, and one rule out fewer if it shuts."""
    anywhere = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[anywhere])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[anywhere])
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    for rule in rules["SecurityGroupRules"]:
        if rule["FromPort"] == 1 or (rule["IsEgress"] and not shuts):
            continue
        if rule["IsEgress"]:
            ec2.revoke_security_group_egress(
                GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
        elif "CidrIpv4" in rule:
            described = {"IpProtocol": "tcp", "CidrIpv4": rule["CidrIpv4"], "Description": "theirs"}
            described |= {"FromPort": rule["FromPort"], "ToPort": rule["ToPort"]}
            ec2.modify_security_group_rules(
                GroupId=group,
                SecurityGroupRules=[
                    {
                        "SecurityGroupRuleId": rule["SecurityGroupRuleId"],
                        "SecurityGroupRule": described,
                    }
                ],
            )


def spoil_the_check(program: Program) -> None:
    """Changes by hand what the account checks the stack with."""
    sns, cloudwatch = client(program, "sns"), client(program, "cloudwatch")
    topic = sns.list_topics()["Topics"][0]["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="theirs")
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "team", "Value": "theirs"}])
    alarm = cloudwatch.describe_alarms(AlarmNames=["large-dev-drift"])["MetricAlarms"][0]
    cloudwatch.tag_resource(
        ResourceARN=alarm["AlarmArn"], Tags=[{"Key": "team", "Value": "theirs"}]
    )
    kept = ["AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period"]
    kept += ["EvaluationPeriods", "ComparisonOperator"]
    cloudwatch.put_metric_alarm(**{name: alarm[name] for name in kept}, Threshold=7.0)


def check_as_the_account_does(program: Program) -> None:
    """Runs what the schedule's task runs, with the command and the environment that it has."""
    name = "large-dev-drift"
    target = client(program, "scheduler").get_schedule(Name=name)["Target"]
    asked = target["EcsParameters"]["TaskDefinitionArn"]
    definition = client(program, "ecs").describe_task_definition(taskDefinition=asked)
    container = definition["taskDefinition"]["containerDefinitions"][0]
    variables = {one["name"]: one["value"] for one in container["environment"]}
    program.run(*container["command"], exit_code=2, variables=variables)


def plant(program: Program) -> None:
    """Hangs on what the stack owns whole what a check then has to take away."""
    ec2, elb = client(program, "ec2"), client(program, "elbv2")
    own = [{"Name": "tag:provision:stack", "Values": ["large"]}]
    vpc = ec2.describe_vpcs(Filters=own)["Vpcs"][0]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.21.0.0/20")
    balancer = elb.describe_load_balancers()["LoadBalancers"][0]["LoadBalancerArn"]
    listener = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"][0]
    elb.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=5,
        Conditions=[{"Field": "path-pattern", "Values": ["/x"]}],
        Actions=[{"Type": "forward", "TargetGroupArn": listener["DefaultActions"][0]["TargetGroupArn"]}],
    )
    client(program, "application-autoscaling").put_scheduled_action(
        ServiceNamespace="ecs",
        ResourceId="service/large-dev/large-dev",
        ScalableDimension="ecs:service:DesiredCount",
        ScheduledActionName="night",
        Schedule="rate(1 day)",
        ScalableTargetAction={"MinCapacity": 1},
    )


def lose_the_state(program: Program) -> None:
    """Has the stack found again by its tags and names."""
    s3 = client(program, "s3")
    for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=entry["Key"])
    program.run("recover", "--yes")


def plan_by_default_quotas(program: Program) -> None:
    """Plans where AWS has no applied value of any quota, which the AWS behind the program has."""
    program.recorder.refused = {"ServiceQuotasV20190624.GetServiceQuota": "NoSuchResourceException"}
    program.run("plan")
    program.recorder.refused = {}


def interrupt_a_deployment(program: Program) -> None:
    """Interrupts a deployment that takes hours as soon as its log is read: it is rolled back."""
    slow = ["services.app.health_check.codes='418'", "services.app.grace_period_seconds=86400"]
    told = program.interrupt(
        "GetLogEvents",
        *["up", "--yes", "--rollback-on-interrupt", *NEW_IMAGE, *overrides(slow)],
        exit_code=130,
    )
    assert "ECS is rolling the deployment back" in told


def test_all_that_the_program_sends_fits_the_models(program: Program) -> None:
    describe(program, SMALLEST)
    plan_by_default_quotas(program)
    program.run("up", "--yes")
    program.run("status")
    client(program, "ecs").put_cluster_capacity_providers(
        cluster="small-dev", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    program.run("up", "--yes", "--revert-drift")
    interrupt_a_deployment(program)
    program.run("down", "--yes")

    text = largest(program)
    make_bucket(program)
    describe(program, text)
    # So many tasks that those which run already are counted.
    program.run("plan", *overrides(["services.app.autoscaling=false", "services.app.count=150"]))
    program.run("up", "--yes")
    spoil(program)
    spoil_the_check(program)
    check_as_the_account_does(program)
    program.run("drift", "--who", exit_code=2)
    program.run("up", "--yes", "--revert-drift")
    plant(program)
    program.run("drift", "--fix", "--yes")
    # A check that no answer satisfies: the deployment fails, and its cause is looked up.
    broken = overrides(["services.app.health_check.codes='418'"])
    program.run("up", "--yes", *NEW_IMAGE, *broken, exit_code=3)
    lose_the_state(program)
    describe(program, text.replace("cost-centre", "# cost-centre"))
    for count in range(len(CHANGES)):
        changes = [part for change in CHANGES[: count + 1] for part in overrides(change)]
        program.run("up", "--yes", *changes)
    # Only where the command line names it is S3 asked where a bucket is.
    program.run("status", "--state-dir", f"s3://{BUCKET}/team/states")
    program.run("unprotect", "--yes")
    program.run("down", "--yes")

    asked = program.asked()
    assert all_faults(asked) == set()
    # All that the program may ask for was asked, and nothing that it may not.
    assert {action_of(one) for one in asked} == allowed()


def allowed() -> set[str]:
    """The actions of the documented policies."""
    policies = [json.loads((DOCS / name).read_text()) for name in POLICIES]
    lists = [one["Action"] for policy in policies for one in policy["Statement"]]
    actions = {action for listed in lists if isinstance(listed, list) for action in listed}
    return actions | ALLOWED_APART


def action_of(asked: Asked) -> str:
    action = f"{SIGNING.get(asked.service, asked.service)}:{asked.operation}"
    return ACTIONS.get(action, action)


def query(service: str, version: str, **parameters: str) -> Recorded:
    return signed(service, body=urlencode({"Version": version, **parameters}).encode())


def in_json(service: str, target: str, **members: Any) -> Recorded:
    return signed(service, body=json.dumps(members).encode(), **{"x-amz-target": target})


def in_cbor(operation: str, **members: Any) -> Recorded:
    path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
    body = cbor2.dumps(members)
    return signed("monitoring", "POST", path, body, **CBOR)


def schedule(method: str, path: str, **members: Any) -> Recorded:
    body = json.dumps(members).encode() if members else b""
    return signed("scheduler", method, path, body, **{"content-type": "application/json"})


def in_s3(method: str, path: str, body: bytes = b"", **headers: str) -> Recorded:
    return signed("s3", method, path, body, **headers)


def signed(
    service: str, method: str = "POST", path: str = "/", body: bytes = b"", **headers: str
) -> Recorded:
    scope = f"Credential=AKIA/20260101/{REGION}/{service}/aws4_request"
    return Recorded(method, path, {"authorization": scope, **headers}, body)


CBOR = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
EC2 = "2016-11-15"
ELB = "2015-12-01"
IAM = "2010-05-08"
SNS = "2010-03-31"
WINDOW = {"Mode": "OFF"}
TARGET = {"Arn": "arn:aws:ecs:eu-west-1:1:cluster/c", "RoleArn": "arn:aws:iam::123456789012:role/r"}
METRIC = {"AlarmName": "a", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1}
DELETE = b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</Delete>'
MD5 = {"content-md5": "any"}


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (query("ec2", EC2, Action="CreateSubnet", CidrBlock="10.0.0.0/24"), "VpcId: required"),
        (query("ec2", EC2, Action="CreateVpc", CidrBlok="10.0.0.0/24"), "CidrBlok: not in the model"),
        (
            query("ec2", EC2, Action="CreateVpc", InstanceTenancy="shared"),
            "InstanceTenancy: 'shared' is none of",
        ),
        (
            query("ec2", EC2, Action="DescribeVpcs", MaxResults="5000"),
            "MaxResults: 5000 is more than 1000",
        ),
        (query("ec2", EC2, Action="DescribeVpcs", MaxResults="many"), "'many' is no integer"),
        (
            query("iam", IAM, Action="GetRole", RoleName="no/slashes"),
            "RoleName: 'no/slashes' does not match",
        ),
        (query("iam", IAM, Action="GetRole", RoleName="r" * 65), "RoleName: 65 is more than 64"),
        (
            query(
                "elasticloadbalancing",
                ELB,
                **{"Action": "AddTags", "ResourceArns.member.1": "a", "Tags.member.1.Value": "v"},
            ),
            "Tags[0].Key: required",
        ),
        (
            in_json("ecs", "AmazonEC2ContainerServiceV20141113.CreateService", desiredCount=2),
            "serviceName: required",
        ),
        (
            in_json("logs", "Logs_20140328.CreateLogGroup", logGroupName="a b"),
            "logGroupName: 'a b' does not match",
        ),
        (
            in_json("cloudtrail", "CloudTrail_20131101.LookupEvents", MaxResults=51),
            "MaxResults: 51 is more than 50",
        ),
        (
            in_json("ssm", "AmazonSSM.DescribeParameters", MaxResults=0),
            "MaxResults: 0 is less than 1",
        ),
        (
            query("sns", SNS, **{"Action": "TagResource", "Tags.member.1.Key": "k"}),
            "ResourceArn: required",
        ),
        (
            query("sns", SNS, Action="UntagResource", ResourceArn="a" * 1012, TagKeys=""),
            "ResourceArn: 1012 is more than 1011",
        ),
        (query("sns", SNS, Action="Publish", Message="m", Topic="t"), "Topic: not in the model"),
        (schedule("POST", "/schedules/s", Target=TARGET), "FlexibleTimeWindow: required"),
        (schedule("POST", "/schedules/a%20b", State="ON"), "Name: 'a b' does not match"),
        (schedule("POST", "/schedules/s", State="ON"), "State: 'ON' is none of"),
        (schedule("POST", "/schedules/s", Name="s"), "Name (body): not in the model"),
        (schedule("DELETE", "/schedules/s?ClientToken=t"), "?ClientToken: not in the model"),
        (
            schedule("PUT", "/schedules/s", Target={**TARGET, "EcsParameters": {"TaskCount": 11}}),
            "EcsParameters.TaskCount: 11 is more than 10",
        ),
        (
            schedule("PUT", "/schedules/s", Target={**TARGET, "RetryPolicy": {"Attempts": 1}}),
            "RetryPolicy.Attempts: not in the model",
        ),
        (in_cbor("PutMetricAlarm", Period=60), "AlarmName: required"),
        (in_cbor("TagResource", ResourceARN="a", Tags=[{"Key": "k"}]), "Tags[0].Value: required"),
        (in_cbor("PutMetricAlarm", **METRIC, Period="60"), "Period: '60' is no integer"),
        (in_cbor("PutMetricAlarm", **METRIC, Period=0), "Period: 0 is less than 1"),
        (in_cbor("PutMetricAlarm", **METRIC, Statistic="Most"), "Statistic: 'Most' is none of"),
        (in_cbor("PutMetricAlarm", **METRIC, OkActions=[]), "OkActions: not in the model"),
        (in_cbor("PutMetricAlarm", **METRIC, OKActions=["a"] * 6), "OKActions: 6 is more than 5"),
        (in_cbor("PutMetricData", Namespace=":n"), "Namespace: ':n' does not match"),
        (in_s3("GET", "/bucket?list-type=2&prefx=a"), "?prefx: not in the model"),
        (in_s3("GET", "/bucket?list-type=2&max-keys=all"), "MaxKeys: 'all' is no integer"),
        (in_s3("PUT", "/bucket/key", **{"if-absent": "*"}), "if-absent:: not in the model"),
        (
            in_s3("PUT", "/bucket/a/key", **{"x-amz-server-side-encryption": "best"}),
            "ServerSideEncryption: 'best' is none of",
        ),
        (in_s3("POST", "/bucket?delete", **MD5), "Delete: required"),
        (
            in_s3("POST", "/bucket?delete", DELETE % b"<Object><Name>k</Name></Object>", **MD5),
            "Objects[0].Key: required",
        ),
        (
            in_s3("POST", "/bucket?delete", DELETE % b"<Quiet>yes</Quiet>", **MD5),
            "Quiet: 'yes' is no boolean",
        ),
    ],
)
def test_what_does_not_fit_is_found(request_: Recorded, fault: str) -> None:
    asked = read(request_)
    found = faults(asked.members, asked.shape)
    assert any(fault in one for one in found), found


@pytest.mark.parametrize(
    "request_",
    [
        query("ec2", EC2, Action="CreateVcp"),
        query("ec2", "2012-01-01", Action="CreateVpc"),
        query("s4", EC2, Action="CreateVpc"),
        query("s3", EC2, Action="CreateVpc"),
        in_json("ecs", "Logs_20140328.CreateLogGroup"),
        signed("ec2", "GET", "/", query("ec2", EC2, Action="DescribeVpcs").body),
        signed("ec2", "POST", "/vpcs", query("ec2", EC2, Action="DescribeVpcs").body),
        schedule("PUT", "/schedule/s"),
        schedule("PATCH", "/schedules/s"),
        schedule("PUT", "/schedules/"),
        signed("scheduler", "PUT", "/schedules/s", b"{}", **{"content-type": "text/plain"}),
        in_cbor("PutAlarm"),
        signed("monitoring", "POST", "/PutMetricAlarm", cbor2.dumps(METRIC), **CBOR),
        signed("monitoring", "POST", in_cbor("PutMetricAlarm").path, cbor2.dumps(METRIC)),
        signed("monitoring", "POST", in_cbor("PutMetricAlarm").path, b"\xa1", **CBOR),
        signed("monitoring", "POST", in_cbor("PutMetricAlarm").path, b"\xa0\xa0", **CBOR),
        in_s3("PATCH", "/bucket/key"),
        in_s3("GET", "/bucket/key?x-id=PutObject"),
        in_s3("POST", "/bucket?delete", DELETE % b""),
        in_s3("POST", "/bucket?delete", b"<Delete></Delete>", **MD5),
        in_s3("POST", "/bucket?delete", b"<Delete>", **MD5),
        in_s3("PUT", "/bucket/key", b"body", **{"x-amz-checksum-crc32": "AAAAAA=="}),
        query("ec2", EC2, **{"Action": "DescribeVpcs", "VpcId.1": "a", "VpcId.3": "b"}),
    ],
)
def test_what_no_model_knows_is_found(request_: Recorded) -> None:
    with pytest.raises(Unreadable):
        read(request_)


def test_lists_and_maps_of_all_protocols_are_read_as_they_were_meant() -> None:
    filters = {"Filter.1.Name": "vpc-id", "Filter.1.Value.1": "a", "Filter.1.Value.2": "b"}
    asked = read(query("ec2", EC2, Action="DescribeSubnets", **filters))
    assert asked.members == {"Filters": [{"Name": "vpc-id", "Values": ["a", "b"]}]}
    tags = {"Tags.member.1.Key": "k", "Tags.member.1.Value": ""}
    asked = read(query("iam", IAM, Action="TagRole", RoleName="r", **tags))
    assert asked.members == {"RoleName": "r", "Tags": [{"Key": "k", "Value": ""}]}
    assert faults(asked.members, asked.shape) == []
    assert model("ec2").api_version == EC2
    attributes = {"Attributes.entry.1.key": "DisplayName", "Attributes.entry.1.value": "d"}
    asked = read(query("sns", SNS, Action="CreateTopic", Name="t", **attributes))
    assert asked.members == {"Name": "t", "Attributes": {"DisplayName": "d"}}


def test_members_are_read_from_wherever_a_request_has_them() -> None:
    asked = read(schedule("DELETE", "/schedules/s?clientToken=t"))
    assert (asked.operation, asked.members) == ("DeleteSchedule", {"Name": "s", "ClientToken": "t"})
    asked = read(schedule("PUT", "/schedules/s", State="ENABLED", FlexibleTimeWindow=WINDOW))
    assert asked.members == {"Name": "s", "State": "ENABLED", "FlexibleTimeWindow": WINDOW}
    asked = read(in_cbor("PutMetricAlarm", **METRIC, Threshold=0.5))
    assert (asked.service, asked.members) == ("cloudwatch", {**METRIC, "Threshold": 0.5})
    assert faults(asked.members, asked.shape) == []
    headers = {"if-none-match": "*", "x-amz-meta-by": "me", "content-length": "4"}
    asked = read(in_s3("PUT", "/bucket/a%20b/c?x-id=PutObject", b"\x00\xff", **headers))
    assert asked.members == {
        "Bucket": "bucket",
        "Key": "a b/c",
        "IfNoneMatch": "*",
        "Metadata": {"by": "me"},
        "ContentLength": 4,
        "Body": b"\x00\xff",
    }
    assert faults(asked.members, asked.shape) == []
    asked = read(in_s3("GET", "/bucket/?list-type=2&prefix=a%2Fb&max-keys=3"))
    assert asked.operation == "ListObjectsV2"
    assert asked.members == {"Bucket": "bucket", "Prefix": "a/b", "MaxKeys": 3}
    objects = b"<Object><Key>a</Key></Object><Object><Key>b</Key></Object><Quiet>true</Quiet>"
    asked = read(in_s3("POST", "/bucket?delete", DELETE % objects, **MD5))
    assert asked.members["Delete"] == {"Objects": [{"Key": "a"}, {"Key": "b"}], "Quiet": True}
    assert faults(asked.members, asked.shape) == []
