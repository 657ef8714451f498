"""What the program sends, checked against AWS's own service models.

A proxy stands between the program and `provision local serve`, and records every request as it is
on the wire. Each is read back and checked for members, types, sizes, patterns and enums, whatever
the simulated AWS thinks of it.
"""

import http.client
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from model_check import faults
from test_boto3_life import address_of
from wire_requests import Asked, Recorded, Unreadable, model, read

REGION = "eu-west-1"
TIME_SCALE = "500"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIASIMULATED", "AWS_SECRET_ACCESS_KEY": "any"}
POLICY = Path(__file__).parents[2] / "docs" / "iam-policy.json"

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

# Allowed by the policy, and not asked in the life below.
NOT_ON_THE_WAY = {
    # Only where AWS has no applied value of a quota.
    "servicequotas:GetAWSDefaultServiceQuota",
    # Only when a deployment is interrupted or rolled back.
    "ecs:DescribeServiceDeployments",
    "ecs:ListServiceDeployments",
    "ecs:StopServiceDeployment",
    # Only when a check for drift takes away what others have hung on.
    "application-autoscaling:DeleteScheduledAction",
    "ec2:DisassociateVpcCidrBlock",
    "elasticloadbalancing:DeleteRule",
    # Only with a check in the account. Two of its three protocols (CBOR, JSON by paths) are not read
    # here: what is sent is only held to what the simulated AWS takes.
    "cloudwatch:DeleteAlarms",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListTagsForResource",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:TagResource",
    "cloudwatch:UntagResource",
    "scheduler:CreateSchedule",
    "scheduler:DeleteSchedule",
    "scheduler:GetSchedule",
    "scheduler:UpdateSchedule",
    "sns:CreateTopic",
    "sns:DeleteTopic",
    "sns:GetTopicAttributes",
    "sns:ListTagsForResource",
    "sns:SetTopicAttributes",
    "sns:TagResource",
    "sns:UntagResource",
}


@dataclass
class Recorder:
    """An HTTP server that records requests and passes them on."""

    behind: str
    recorded: list[Recorded] = field(default_factory=list, repr=False)

    def start(self) -> ThreadingHTTPServer:
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                recorder.record(self.headers, body)
                status, headers, answer = recorder.pass_on(self.headers, body)
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def record(self, headers: Any, body: bytes) -> None:
        target = headers.get("X-Amz-Target", "")
        self.recorded.append(Recorded(headers.get("Authorization", ""), target, body))

    def pass_on(self, headers: Any, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        address = urlsplit(self.behind)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        try:
            connection.request("POST", "/", body, dict(headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


@dataclass
class Program:
    """The program, behind the recorder."""

    binary: Path
    directory: Path
    address: str
    recorder: Recorder

    def run(self, *arguments: str, exit_code: int = 0) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "AWS_ENDPOINT_URL": self.address,
            **CREDENTIALS,
        }
        command = [self.binary, "--time-scale", TIME_SCALE, *arguments]
        done = subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == exit_code, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stderr

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
    return LARGEST.format(digest="0" * 64, secret=secret, parameter=parameter)


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


def lose_the_state(program: Program) -> None:
    """Has the stack found again by its tags and names."""
    states = program.directory / "state"
    # Beside them the AWS behind the program keeps its own.
    for path in states.glob("large-dev*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    program.run("recover", "--yes")


def test_all_that_the_program_sends_fits_the_models(program: Program) -> None:
    describe(program, SMALLEST)
    program.run("plan")
    program.run("up", "--yes")
    program.run("status")
    client(program, "ecs").put_cluster_capacity_providers(
        cluster="small-dev", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    program.run("up", "--yes", "--revert-drift")
    program.run("down", "--yes")

    text = largest(program)
    describe(program, text)
    # So many tasks that those which run already are counted.
    program.run("plan", *overrides(["services.app.autoscaling=false", "services.app.count=150"]))
    program.run("up", "--yes")
    spoil(program)
    program.run("drift", "--who", exit_code=2)
    program.run("up", "--yes", "--revert-drift")
    # A check that no answer satisfies: the deployment fails, and its cause is looked up.
    broken = overrides(["services.app.health_check.codes='418'"])
    program.run("up", "--yes", *NEW_IMAGE, *broken, exit_code=3)
    lose_the_state(program)
    describe(program, text.replace("cost-centre", "# cost-centre"))
    for count in range(len(CHANGES)):
        changes = [part for change in CHANGES[: count + 1] for part in overrides(change)]
        program.run("up", "--yes", *changes)
    program.run("unprotect", "--yes")
    program.run("down", "--yes")

    asked = program.asked()
    assert all_faults(asked) == set()
    assert any(one.operation == "LookupEvents" for one in asked)
    assert sorted(missed(asked)) == sorted(NOT_ON_THE_WAY)


def missed(asked: list[Asked]) -> set[str]:
    """The actions of the documented policy that were not asked for."""
    policy = json.loads(POLICY.read_text())
    actions = {*policy["Statement"][0]["Action"], "iam:CreateServiceLinkedRole"}
    signing = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}
    return actions - {f"{signing.get(one.service, one.service)}:{one.operation}" for one in asked}


def query(service: str, version: str, **parameters: str) -> Recorded:
    scope = f"Credential=AKIA/20260101/{REGION}/{service}/aws4_request"
    return Recorded(scope, "", urlencode({"Version": version, **parameters}).encode())


def in_json(service: str, target: str, **members: Any) -> Recorded:
    scope = f"Credential=AKIA/20260101/{REGION}/{service}/aws4_request"
    return Recorded(scope, target, json.dumps(members).encode())


EC2 = "2016-11-15"
ELB = "2015-12-01"
IAM = "2010-05-08"


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
        query("s3", EC2, Action="CreateVpc"),
        in_json("ecs", "Logs_20140328.CreateLogGroup"),
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
