"""The simulated AWS, read by a parser that is not the one it was written with.

Walks the life of a whole stack, from an empty account to an empty account, with boto3, against
`provision local serve`. Time passes a thousand times as fast as it does.

    pip install -r tests/python/requirements.txt
    cargo build && PROVISION_BIN=target/debug/provision pytest tests/python
"""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
ACCOUNT = "123456789012"
TAGS = [{"Key": "provision:stack", "Value": "life"}, {"Key": "team", "Value": "a & <b>"}]
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"


def trust(service: str) -> dict[str, Any]:
    """The policy of a role that a service of AWS's takes on."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


TRUST = trust("ecs-tasks.amazonaws.com")

TIME_SCALE = "1000"
# How long, in real seconds, the longest wait may take: some hours of the cloud's time.
PATIENCE_S = 20.0
PAUSE_S = 0.02


class Aws:
    """Clients of all services that a stack needs."""

    def __init__(self, address: str) -> None:
        session = boto3.Session(
            aws_access_key_id="AKIASIMULATED", aws_secret_access_key="any", region_name=REGION
        )
        config = Config(retries={"total_max_attempts": 1}, read_timeout=10)

        def client(name: str) -> Any:
            return session.client(name, endpoint_url=address, config=config)

        self.ec2 = client("ec2")
        self.sts = client("sts")
        self.iam = client("iam")
        self.logs = client("logs")
        self.elb = client("elbv2")
        self.ecs = client("ecs")
        self.scaling = client("application-autoscaling")
        self.s3 = client("s3")
        self.sns = client("sns")
        self.cloudwatch = client("cloudwatch")
        self.scheduler = client("scheduler")


@pytest.fixture
def address(binary: Path, tmp_path: Path) -> Iterator[str]:
    server = subprocess.Popen(
        [binary, "local", "serve", "--port", "0", "--time-scale", TIME_SCALE],
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


@pytest.fixture
def aws(address: str) -> Aws:
    return Aws(address)


def address_of(server: "subprocess.Popen[str]") -> str:
    """The address that the server prints first; what else it prints is read away."""
    assert server.stdout is not None
    first = server.stdout.readline()
    threading.Thread(target=server.stdout.read, daemon=True).start()
    match = re.fullmatch(r"listening on (http://127\.0\.0\.1:\d+)\n", first)
    assert match, f"the server began with {first!r}"
    return match.group(1)


def until(what: str, look: Callable[[], Any]) -> Any:
    """Looks until something is seen that is not falsy, and returns it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if seen := look():
            return seen
        time.sleep(PAUSE_S)
    pytest.fail(f"waited in vain: {what}")


def until_accepted(call: Callable[..., Any], code: str, **request: Any) -> Any:
    """Repeats a request that is refused with `code` as long as something is still on its way."""

    def attempt() -> Any:
        try:
            return call(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != code:
                raise
            return None

    return until(f"{call.__name__} is still refused with {code}", attempt)


def refused(code: str, call: Callable[..., Any], **request: Any) -> str:
    """Makes a request that must be refused with `code`, and returns the message."""
    with pytest.raises(ClientError) as caught:
        call(**request)
    assert caught.value.response["Error"]["Code"] == code
    return str(caught.value.response["Error"]["Message"])


def tagged(kind: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": TAGS}]


def by_key(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(tags, key=lambda tag: tag.get("Key") or tag["key"])


def lower(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tags]


class Network:
    """A VPC with two public and two private subnets, and a NAT gateway."""

    def __init__(self, aws: Aws) -> None:
        self.ec2 = aws.ec2
        self.zones = [
            zone["ZoneName"]
            for zone in self.ec2.describe_availability_zones()["AvailabilityZones"][:2]
        ]
        assert all(zone.startswith(REGION) for zone in self.zones)
        self.vpc = self.make_vpc()
        self.gateway = self.make_gateway()
        self.public = [self.make_subnet(index, index) for index in range(2)]
        self.private = [self.make_subnet(index, 128 + index) for index in range(2)]
        self.address = self.ec2.allocate_address(
            Domain="vpc", TagSpecifications=tagged("elastic-ip")
        )["AllocationId"]
        public_route = {"GatewayId": self.gateway}
        self.public_table = self.make_table(self.public, public_route)
        self.nat = self.make_nat()
        self.private_table = self.make_table(self.private, {"NatGatewayId": self.nat})
        self.balancer_group, self.task_group = self.make_groups()

    def make_vpc(self) -> str:
        made = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]
        vpc: str = made["VpcId"]
        assert re.fullmatch(r"vpc-[0-9a-f]{17}", vpc)
        until("the VPC is available", lambda: self.see_vpc(vpc)["State"] == "available")
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
        names = self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
        assert names["EnableDnsHostnames"] == {"Value": True}
        assert by_key(self.see_vpc(vpc)["Tags"]) == TAGS
        return vpc

    def see_vpc(self, vpc: str) -> dict[str, Any]:
        return self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]

    def make_gateway(self) -> str:
        tags = tagged("internet-gateway")
        made = self.ec2.create_internet_gateway(TagSpecifications=tags)["InternetGateway"]
        gateway: str = made["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        seen = self.ec2.describe_internet_gateways(InternetGatewayIds=[gateway])
        assert seen["InternetGateways"][0]["Attachments"][0]["VpcId"] == self.vpc
        return gateway

    def make_subnet(self, zone: int, block: int) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=f"10.0.{block}.0/24",
            AvailabilityZone=self.zones[zone],
            TagSpecifications=tagged("subnet"),
        )["Subnet"]
        assert made["AvailableIpAddressCount"] == 251
        assert made["AvailabilityZone"] == self.zones[zone]
        return str(made["SubnetId"])

    def make_nat(self) -> str:
        request = {
            "SubnetId": self.public[0],
            "AllocationId": self.address,
            "ClientToken": "life-nat-1",
            "TagSpecifications": tagged("natgateway"),
        }
        nat: str = self.ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"]
        assert self.ec2.create_nat_gateway(**request)["NatGateway"]["NatGatewayId"] == nat
        until("the NAT gateway is available", lambda: self.see_nat(nat)["State"] == "available")
        address = self.see_nat(nat)["NatGatewayAddresses"][0]
        assert address["AllocationId"] == self.address
        assert address["PrivateIp"].startswith("10.0.0.")
        return nat

    def see_nat(self, nat: str) -> dict[str, Any]:
        return self.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]

    def make_table(self, subnets: list[str], route: dict[str, str]) -> str:
        tags = tagged("route-table")
        made = self.ec2.create_route_table(VpcId=self.vpc, TagSpecifications=tags)["RouteTable"]
        table: str = made["RouteTableId"]
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        request = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", **route}
        assert self.ec2.create_route(**request)["Return"] is True
        seen = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
        assert {one["SubnetId"] for one in seen["Associations"]} == set(subnets)
        states = {one["DestinationCidrBlock"]: one["State"] for one in seen["Routes"]}
        assert states == {"10.0.0.0/16": "active", "0.0.0.0/0": "active"}
        return table

    def make_groups(self) -> tuple[str, str]:
        balancer, task = (
            self.ec2.create_security_group(
                GroupName=f"life-{name}",
                Description=f"Traffic to the {name}",
                VpcId=self.vpc,
                TagSpecifications=tagged("security-group"),
            )["GroupId"]
            for name in ("balancer", "task")
        )
        everyone = {"IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "everyone"}]}
        self.allow(balancer, 80, everyone)
        self.allow(task, 8000, {"UserIdGroupPairs": [{"GroupId": balancer}]})
        seen = self.ec2.describe_security_groups(GroupIds=[task])["SecurityGroups"][0]
        assert seen["IpPermissions"][0]["FromPort"] == 8000
        assert seen["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == balancer
        assert seen["IpPermissionsEgress"][0]["IpProtocol"] == "-1"
        return balancer, task

    def allow(self, group: str, port: int, source: dict[str, Any]) -> None:
        rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        made = self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        assert made["SecurityGroupRules"][0]["ToPort"] == port

    def delete_rest(self) -> None:
        """Everything, in the only order that EC2 accepts."""
        refused("DependencyViolation", self.ec2.delete_vpc, VpcId=self.vpc)
        self.ec2.delete_nat_gateway(NatGatewayId=self.nat)
        until("the NAT gateway is gone", lambda: self.see_nat(self.nat)["State"] == "deleted")
        # For a moment after the gateway is gone, its address seems to be somebody else's
        # (aws-behaviour 4.e).
        until_accepted(self.ec2.release_address, "AuthFailure", AllocationId=self.address)
        for group in (self.task_group, self.balancer_group):
            until_accepted(self.ec2.delete_security_group, "DependencyViolation", GroupId=group)
        for table in (self.public_table, self.private_table):
            seen = self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
            for association in seen["Associations"]:
                self.ec2.disassociate_route_table(
                    AssociationId=association["RouteTableAssociationId"]
                )
            self.ec2.delete_route_table(RouteTableId=table)
        for subnet in self.public + self.private:
            until_accepted(self.ec2.delete_subnet, "DependencyViolation", SubnetId=subnet)
        attachment = {"InternetGatewayId": self.gateway, "VpcId": self.vpc}
        until_accepted(self.ec2.detach_internet_gateway, "DependencyViolation", **attachment)
        self.ec2.delete_internet_gateway(InternetGatewayId=self.gateway)
        self.ec2.delete_vpc(VpcId=self.vpc)
        refused("InvalidVpcID.NotFound", self.ec2.describe_vpcs, VpcIds=[self.vpc])


class Identity:
    """The role that tasks start with."""

    NAME = "life-execution"

    def __init__(self, aws: Aws) -> None:
        self.iam = aws.iam
        made = self.iam.create_role(
            RoleName=self.NAME, AssumeRolePolicyDocument=json.dumps(TRUST), Tags=TAGS
        )["Role"]
        self.arn: str = made["Arn"]
        assert self.arn == f"arn:aws:iam::{ACCOUNT}:role/{self.NAME}"
        self.iam.attach_role_policy(RoleName=self.NAME, PolicyArn=EXECUTION_POLICY)
        attached = self.iam.list_attached_role_policies(RoleName=self.NAME)["AttachedPolicies"]
        assert [policy["PolicyArn"] for policy in attached] == [EXECUTION_POLICY]
        seen = self.iam.get_role(RoleName=self.NAME)["Role"]
        assert seen["AssumeRolePolicyDocument"] == TRUST
        assert (seen["Path"], seen["MaxSessionDuration"]) == ("/", 3600)
        assert by_key(seen["Tags"]) == TAGS

    def delete(self) -> None:
        refused("DeleteConflict", self.iam.delete_role, RoleName=self.NAME)
        self.iam.detach_role_policy(RoleName=self.NAME, PolicyArn=EXECUTION_POLICY)
        self.iam.delete_role(RoleName=self.NAME)
        refused("NoSuchEntity", self.iam.get_role, RoleName=self.NAME)


class LogGroup:
    """Where the tasks write."""

    NAME = "/ecs/life"

    def __init__(self, aws: Aws) -> None:
        self.logs = aws.logs
        tags = {tag["Key"]: tag["Value"] for tag in TAGS}
        self.logs.create_log_group(logGroupName=self.NAME, tags=tags)
        self.logs.put_retention_policy(logGroupName=self.NAME, retentionInDays=14)
        seen = self.logs.describe_log_groups(logGroupNamePrefix=self.NAME)["logGroups"]
        assert [(one["logGroupName"], one["retentionInDays"]) for one in seen] == [(self.NAME, 14)]
        arn = seen[0]["arn"].removesuffix(":*")
        assert self.logs.list_tags_for_resource(resourceArn=arn)["tags"] == tags

    def delete(self) -> None:
        self.logs.delete_log_group(logGroupName=self.NAME)
        assert self.logs.describe_log_groups(logGroupNamePrefix=self.NAME)["logGroups"] == []


class Balancer:
    """A load balancer that forwards to a target group."""

    def __init__(self, aws: Aws, network: Network) -> None:
        self.elb = aws.elb
        made = self.elb.create_load_balancer(
            Name="life",
            Subnets=network.public,
            SecurityGroups=[network.balancer_group],
            Tags=TAGS,
        )["LoadBalancers"][0]
        self.arn: str = made["LoadBalancerArn"]
        assert made["State"]["Code"] == "provisioning"
        assert made["DNSName"].endswith(f".{REGION}.elb.amazonaws.com")
        assert {zone["SubnetId"] for zone in made["AvailabilityZones"]} == set(network.public)
        self.group: str = self.elb.create_target_group(
            Name="life",
            Protocol="HTTP",
            Port=8000,
            VpcId=network.vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            Tags=TAGS,
        )["TargetGroups"][0]["TargetGroupArn"]
        self.listener = self.make_listener()
        until("the load balancer is active", lambda: self.state() == "active")
        self.check_settings()

    def make_listener(self) -> str:
        forward = [{"Type": "forward", "TargetGroupArn": self.group}]
        made = self.elb.create_listener(
            LoadBalancerArn=self.arn, Protocol="HTTP", Port=80, DefaultActions=forward, Tags=TAGS
        )["Listeners"][0]
        assert made["DefaultActions"][0]["TargetGroupArn"] == self.group
        return str(made["ListenerArn"])

    def state(self) -> str:
        seen = self.elb.describe_load_balancers(LoadBalancerArns=[self.arn])["LoadBalancers"][0]
        return str(seen["State"]["Code"])

    def check_settings(self) -> None:
        change = [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}]
        self.elb.modify_target_group_attributes(TargetGroupArn=self.group, Attributes=change)
        seen = self.elb.describe_target_group_attributes(TargetGroupArn=self.group)["Attributes"]
        assert change[0] in seen
        idle = self.elb.describe_load_balancer_attributes(LoadBalancerArn=self.arn)["Attributes"]
        assert {"Key": "idle_timeout.timeout_seconds", "Value": "60"} in idle
        arns = [self.arn, self.group, self.listener]
        for described in self.elb.describe_tags(ResourceArns=arns)["TagDescriptions"]:
            assert by_key(described["Tags"]) == TAGS
        check = self.elb.describe_target_groups(TargetGroupArns=[self.group])["TargetGroups"][0]
        assert check["HealthCheckPath"] == "/health"
        assert check["Matcher"] == {"HttpCode": "200"}
        assert check["LoadBalancerArns"] == [self.arn]

    def health(self) -> list[str]:
        seen = self.elb.describe_target_health(TargetGroupArn=self.group)
        return [one["TargetHealth"]["State"] for one in seen["TargetHealthDescriptions"]]

    def delete(self) -> None:
        refused("ResourceInUse", self.elb.delete_target_group, TargetGroupArn=self.group)
        self.elb.delete_listener(ListenerArn=self.listener)
        self.elb.delete_load_balancer(LoadBalancerArn=self.arn)
        self.elb.delete_target_group(TargetGroupArn=self.group)
        refused(
            "LoadBalancerNotFound", self.elb.describe_load_balancers, LoadBalancerArns=[self.arn]
        )


class Service:
    """A cluster, and two tasks of one image in it."""

    CLUSTER = "life"
    NAME = "app"

    def __init__(
        self, aws: Aws, network: Network, identity: Identity, balancer: Balancer
    ) -> None:
        self.ecs = aws.ecs
        tags = lower(TAGS)
        made = self.ecs.create_cluster(clusterName=self.CLUSTER, tags=tags)["cluster"]
        assert made["status"] in ("ACTIVE", "PROVISIONING")
        self.definition = self.register(identity.arn)
        placement = {"subnets": network.private, "securityGroups": [network.task_group]}
        self.ecs.create_service(
            cluster=self.CLUSTER,
            serviceName=self.NAME,
            taskDefinition=self.definition,
            desiredCount=2,
            launchType="FARGATE",
            clientToken="life-service-1",
            loadBalancers=[
                {
                    "targetGroupArn": balancer.group,
                    "containerName": "app",
                    "containerPort": 8000,
                }
            ],
            networkConfiguration={"awsvpcConfiguration": placement},
            deploymentConfiguration={
                "deploymentCircuitBreaker": {"enable": True, "rollback": True},
                "minimumHealthyPercent": 100,
                "maximumPercent": 200,
            },
            healthCheckGracePeriodSeconds=60,
            tags=tags,
        )
        until("the service is deployed", lambda: self.rollout() == "COMPLETED")
        assert balancer.health() == ["healthy", "healthy"]
        self.check(network)

    def register(self, role: str, image: str = "ghcr.io/example/app:1") -> str:
        container = {
            "name": "app",
            "image": image,
            "essential": True,
            "portMappings": [{"containerPort": 8000, "protocol": "tcp"}],
            "environment": [{"name": "GREETING", "value": "hello"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": LogGroup.NAME,
                    "awslogs-region": REGION,
                    "awslogs-stream-prefix": "app",
                },
            },
        }
        made = self.ecs.register_task_definition(
            family="life-app",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=role,
            containerDefinitions=[container],
            tags=lower(TAGS),
        )["taskDefinition"]
        assert (made["cpu"], made["memory"], made["status"]) == ("256", "512", "ACTIVE")
        assert made["containerDefinitions"][0]["portMappings"][0]["hostPort"] == 8000
        return str(made["taskDefinitionArn"])

    def see(self) -> dict[str, Any]:
        seen = self.ecs.describe_services(
            cluster=self.CLUSTER, services=[self.NAME], include=["TAGS"]
        )
        assert seen["failures"] == []
        return dict(seen["services"][0])

    def primary(self) -> dict[str, Any]:
        deployments = self.see()["deployments"]
        return next(dict(one) for one in deployments if one["status"] == "PRIMARY")

    def rollout(self) -> str:
        return str(self.primary()["rolloutState"])

    def tasks(self) -> list[dict[str, Any]]:
        arns = self.ecs.list_tasks(cluster=self.CLUSTER, serviceName=self.NAME)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=self.CLUSTER, tasks=arns)["tasks"])

    def check(self, network: Network) -> None:
        seen = self.see()
        assert (seen["desiredCount"], seen["runningCount"], seen["pendingCount"]) == (2, 2, 0)
        assert seen["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"] is True
        assert by_key(seen["tags"]) == lower(TAGS)
        tasks = self.tasks()
        assert [task["lastStatus"] for task in tasks] == ["RUNNING", "RUNNING"]
        for task in tasks:
            details = {one["name"]: one["value"] for one in task["attachments"][0]["details"]}
            assert details["subnetId"] in network.private
            assert details["privateIPv4Address"].startswith("10.0.")
        interfaces = network.ec2.describe_network_interfaces(
            Filters=[{"Name": "group-id", "Values": [network.task_group]}]
        )["NetworkInterfaces"]
        assert len(interfaces) == 2
        message = refused(
            "DependencyViolation",
            network.ec2.delete_security_group,
            GroupId=network.task_group,
        )
        assert "dependent object" in message

    def replace(self, role: str) -> None:
        """A new version takes over."""
        self.definition = self.register(role, "ghcr.io/example/app:2")
        assert self.definition.endswith(":2")
        self.ecs.update_service(
            cluster=self.CLUSTER, service=self.NAME, taskDefinition=self.definition
        )
        until("the new version is deployed", lambda: self.rollout() == "COMPLETED")
        assert self.primary()["taskDefinition"] == self.definition
        running = [task for task in self.tasks() if task["desiredStatus"] == "RUNNING"]
        assert [task["taskDefinitionArn"] for task in running] == [self.definition] * 2

    def delete(self) -> None:
        code = "ClusterContainsServicesException"
        refused(code, self.ecs.delete_cluster, cluster=self.CLUSTER)
        self.ecs.delete_service(cluster=self.CLUSTER, service=self.NAME, force=True)
        until("the service is inactive", lambda: self.see()["status"] == "INACTIVE")
        code = "ClusterContainsTasksException"
        until_accepted(self.ecs.delete_cluster, code, cluster=self.CLUSTER)
        family = self.ecs.list_task_definitions(familyPrefix="life-app")["taskDefinitionArns"]
        assert len(family) == 2
        for arn in family:
            self.ecs.deregister_task_definition(taskDefinition=arn)
        assert self.ecs.list_task_definitions(familyPrefix="life-app")["taskDefinitionArns"] == []


class Scaling:
    """Lets the number of tasks follow the load."""

    TARGET = {
        "ServiceNamespace": "ecs",
        "ResourceId": f"service/{Service.CLUSTER}/{Service.NAME}",
        "ScalableDimension": "ecs:service:DesiredCount",
    }

    def __init__(self, aws: Aws) -> None:
        self.scaling = aws.scaling
        self.scaling.register_scalable_target(**self.TARGET, MinCapacity=2, MaxCapacity=4)
        tracking = {
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ECSServiceAverageCPUUtilization"
            },
        }
        made = self.scaling.put_scaling_policy(
            **self.TARGET,
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking,
        )
        seen = self.scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"][0]
        assert seen["PolicyARN"] == made["PolicyARN"]
        assert seen["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 60.0
        target = self.targets()[0]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)

    def targets(self) -> list[dict[str, Any]]:
        return list(
            self.scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
        )

    def delete(self) -> None:
        self.scaling.deregister_scalable_target(**self.TARGET)
        assert self.targets() == []
        policies = self.scaling.describe_scaling_policies(ServiceNamespace="ecs")
        assert policies["ScalingPolicies"] == []


class News:
    """A topic, and an alarm that tells it."""

    NAME = "life"

    def __init__(self, aws: Aws) -> None:
        self.sns, self.cloudwatch = aws.sns, aws.cloudwatch
        self.topic = self.make_topic()
        self.alarm = self.make_alarm()

    def make_topic(self) -> str:
        request = {"Name": self.NAME, "Attributes": {"DisplayName": "a & <b>"}, "Tags": TAGS}
        topic: str = self.sns.create_topic(**request)["TopicArn"]
        assert topic == f"arn:aws:sns:{REGION}:{ACCOUNT}:{self.NAME}"
        assert self.sns.create_topic(**request)["TopicArn"] == topic
        assert self.sns.create_topic(Name=self.NAME, Tags=TAGS[:1])["TopicArn"] == topic
        assert self.sns.create_topic(Name=self.NAME)["TopicArn"] == topic
        other = [{"Key": "team", "Value": "another"}]
        refused("InvalidParameter", self.sns.create_topic, Name=self.NAME, Tags=other)
        seen = self.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        assert (seen["DisplayName"], seen["Owner"]) == ("a & <b>", ACCOUNT)
        check_policy_of_topic(seen, topic)
        self.sns.set_topic_attributes(
            TopicArn=topic, AttributeName="DisplayName", AttributeValue="größe"
        )
        seen = self.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
        assert seen["DisplayName"] == "größe"
        check_tags(
            lambda: self.sns.list_tags_for_resource(ResourceArn=topic)["Tags"],
            lambda tags: self.sns.tag_resource(ResourceArn=topic, Tags=tags),
            lambda keys: self.sns.untag_resource(ResourceArn=topic, TagKeys=keys),
        )
        assert self.sns.publish(TopicArn=topic, Subject="news", Message="größe")["MessageId"]
        return topic

    def make_alarm(self) -> dict[str, Any]:
        asked = {
            "AlarmName": self.NAME,
            "AlarmDescription": "größe & <more>",
            "ActionsEnabled": True,
            "AlarmActions": [self.topic],
            "OKActions": [self.topic],
            "Namespace": "life",
            "MetricName": "Drift",
            "Dimensions": [{"Name": "Stack", "Value": "life"}],
            "Statistic": "Maximum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 0.5,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "ignore",
        }
        self.cloudwatch.put_metric_alarm(**asked, Tags=TAGS)
        seen = self.see_alarm()
        assert {name: seen[name] for name in asked} == asked
        assert seen["AlarmArn"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{self.NAME}"
        assert seen["StateUpdatedTimestamp"].tzinfo is not None
        arn = seen["AlarmArn"]
        check_tags(
            lambda: self.cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"],
            lambda tags: self.cloudwatch.tag_resource(ResourceARN=arn, Tags=tags),
            lambda keys: self.cloudwatch.untag_resource(ResourceARN=arn, TagKeys=keys),
        )
        return asked

    def see_alarm(self) -> dict[str, Any]:
        seen = self.cloudwatch.describe_alarms(AlarmNames=[self.NAME])
        assert seen["CompositeAlarms"] == []
        return dict(seen["MetricAlarms"][0])

    def go_off(self) -> None:
        """What is measured sets the alarm off; a change of the alarm leaves its tags."""
        datum = {"MetricName": "Drift", "Dimensions": self.alarm["Dimensions"], "Value": 1.0}

        def stands() -> bool:
            self.cloudwatch.put_metric_data(Namespace="life", MetricData=[datum])
            return bool(self.see_alarm()["StateValue"] == "ALARM")

        until("the alarm goes off", stands)
        self.cloudwatch.put_metric_alarm(**{**self.alarm, "Threshold": 7.0})
        arn = self.see_alarm()["AlarmArn"]
        assert self.see_alarm()["Threshold"] == 7.0
        assert by_key(self.cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]) == TAGS

    def delete(self) -> None:
        self.cloudwatch.delete_alarms(AlarmNames=[self.NAME])
        assert self.cloudwatch.describe_alarms()["MetricAlarms"] == []
        refused("ResourceNotFound", self.cloudwatch.delete_alarms, AlarmNames=[self.NAME])
        self.sns.delete_topic(TopicArn=self.topic)
        self.sns.delete_topic(TopicArn=self.topic)
        assert self.sns.list_topics()["Topics"] == []
        refused("NotFound", self.sns.get_topic_attributes, TopicArn=self.topic)


def check_policy_of_topic(attributes: dict[str, str], topic: str) -> None:
    """A topic that nobody gave a policy has AWS's own, which lets in its account alone."""
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", topic)
    assert "SNS:Publish" in statement["Action"]
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceOwner": ACCOUNT}}


def check_tags(
    read: Callable[[], Any], add: Callable[[Any], Any], remove: Callable[[list[str]], Any]
) -> None:
    """Tags are those of the creation, and can be changed and taken away."""
    assert by_key(read()) == TAGS
    changed = [{"Key": "team", "Value": ""}, {"Key": "größe", "Value": "42"}]
    add(changed)
    assert by_key(read()) == by_key([TAGS[0], *changed])
    remove(["größe"])
    add(TAGS[1:])
    assert by_key(read()) == TAGS


class Schedule:
    """What starts a task when it is time; here never."""

    NAME = "life"

    def __init__(self, aws: Aws, network: Network, service: Service) -> None:
        self.scheduler, self.iam = aws.scheduler, aws.iam
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{Service.CLUSTER}"
        placement = {"Subnets": network.private, "SecurityGroups": [network.task_group]}
        placement["AssignPublicIp"] = "DISABLED"
        self.target = {
            "Arn": arn,
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{self.NAME}-schedule",
            "EcsParameters": {
                "TaskDefinitionArn": service.definition,
                "TaskCount": 1,
                "LaunchType": "FARGATE",
                "NetworkConfiguration": {"awsvpcConfiguration": placement},
            },
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
        }
        self.request = {
            "Name": self.NAME,
            "Description": "größe & <more>",
            "ScheduleExpression": "at(2099-01-01T00:00:00)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": "ENABLED",
            "Target": self.target,
        }
        self.make()

    def make(self) -> None:
        # The scheduler has to be able to take the role on.
        message = refused("ValidationException", self.scheduler.create_schedule, **self.request)
        assert "assume the role" in message
        self.iam.create_role(
            RoleName=f"{self.NAME}-schedule",
            AssumeRolePolicyDocument=json.dumps(trust("scheduler.amazonaws.com")),
        )
        made = self.scheduler.create_schedule(**self.request, ClientToken="life-1")["ScheduleArn"]
        assert made == f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{self.NAME}"
        again = self.scheduler.create_schedule(**self.request, ClientToken="life-1")
        assert again["ScheduleArn"] == made
        refused("ConflictException", self.scheduler.create_schedule, **self.request)
        seen = self.see()
        assert {name: seen[name] for name in self.request} == self.request
        assert (seen["Arn"], seen["GroupName"]) == (made, "default")
        assert seen["ScheduleExpressionTimezone"] == "UTC"
        assert seen["CreationDate"] == seen["LastModificationDate"]
        self.change()

    def change(self) -> None:
        """A change is of the whole: what is left out is as if it had never been said."""
        asked = {**self.request, "ScheduleExpression": "cron(0 6 * * ? *)", "State": "DISABLED"}
        del asked["Description"]
        self.scheduler.update_schedule(**asked)
        seen = self.see()
        assert (seen["ScheduleExpression"], seen["State"]) == ("cron(0 6 * * ? *)", "DISABLED")
        assert "Description" not in seen
        assert seen["CreationDate"] < seen["LastModificationDate"]
        listed = self.scheduler.list_schedules()["Schedules"]
        assert [(one["Name"], one["State"]) for one in listed] == [(self.NAME, "DISABLED")]

    def see(self) -> dict[str, Any]:
        return dict(self.scheduler.get_schedule(Name=self.NAME))

    def delete(self) -> None:
        self.scheduler.delete_schedule(Name=self.NAME)
        refused("ResourceNotFoundException", self.scheduler.get_schedule, Name=self.NAME)
        refused("ResourceNotFoundException", self.scheduler.delete_schedule, Name=self.NAME)
        assert self.scheduler.list_schedules()["Schedules"] == []
        self.iam.delete_role(RoleName=f"{self.NAME}-schedule")


def test_a_stack_lives_from_an_empty_account_to_an_empty_account(aws: Aws) -> None:
    caller = aws.sts.get_caller_identity()
    assert caller["Account"] == ACCOUNT

    network = Network(aws)
    identity = Identity(aws)
    log_group = LogGroup(aws)
    balancer = Balancer(aws, network)
    service = Service(aws, network, identity, balancer)
    scaling = Scaling(aws)
    service.replace(identity.arn)
    news = News(aws)
    schedule = Schedule(aws, network, service)
    news.go_off()

    schedule.delete()
    news.delete()
    scaling.delete()
    service.delete()
    balancer.delete()
    network.delete_rest()
    identity.delete()
    log_group.delete()

    # The clusters and services left are tombstones.
    clusters = aws.ecs.describe_clusters(clusters=[Service.CLUSTER])["clusters"]
    assert [cluster["status"] for cluster in clusters] in ([], ["INACTIVE"])
    assert aws.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert aws.elb.describe_target_groups()["TargetGroups"] == []


CHECKED = """
name = "life"
region = "eu-west-1"

[tags]
team = "größe = 42"

[services.app]
image = "ghcr.io/example/app:1"

[drift]
schedule = "rate(1 hour)"
image = "ghcr.io/example/provision:1"

[state]
bucket = "life-state"
"""


def run(binary: Path, directory: Path, address: str, *arguments: str) -> str:
    """Runs the program in the AWS at an address, and gives what it printed."""
    done = subprocess.run(
        [binary, "--time-scale", TIME_SCALE, *arguments],
        cwd=directory,
        env={
            "HOME": str(directory),
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "AKIASIMULATED",
            "AWS_SECRET_ACCESS_KEY": "any",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_boto3_reads_the_check_that_the_program_made(
    binary: Path, tmp_path: Path, address: str, aws: Aws
) -> None:
    """The schedule, its target, whom the alarms tell, and nothing of it after the end."""
    region = {"LocationConstraint": REGION}
    aws.s3.create_bucket(Bucket="life-state", CreateBucketConfiguration=region)
    (tmp_path / "provision.toml").write_text(CHECKED)
    run(binary, tmp_path, address, "up", "--yes")

    topic = run(binary, tmp_path, address, "output", "drift_topic_arn").strip()
    assert topic == f"arn:aws:sns:{REGION}:{ACCOUNT}:life-dev-drift"
    attributes = aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["DisplayName"] == "Drift of life"
    check_policy_of_topic(attributes, topic)
    assert own_tags(aws.sns.list_tags_for_resource(ResourceArn=topic)["Tags"]) == "topic.drift"
    check_alarms(aws, topic)
    check_schedule(aws)

    run(binary, tmp_path, address, "down", "--yes")
    assert aws.sns.list_topics()["Topics"] == []
    assert aws.cloudwatch.describe_alarms()["MetricAlarms"] == []
    assert aws.scheduler.list_schedules()["Schedules"] == []
    assert aws.logs.describe_log_groups()["logGroups"] == []
    roles = aws.iam.list_roles()["Roles"]
    assert all(role["Path"].startswith("/aws-service-role/") for role in roles)


def own_tags(tags: list[dict[str, str]]) -> str:
    """The address in the tags of something of the stack's, which has the file's tag too."""
    read = {tag["Key"]: tag["Value"] for tag in tags}
    assert (read["provision:stack"], read["team"]) == ("life", "größe = 42")
    return read["provision:address"]


def check_alarms(aws: Aws, topic: str) -> None:
    described = aws.cloudwatch.describe_alarms()["MetricAlarms"]
    alarms = {alarm["AlarmName"]: alarm for alarm in described}
    assert set(alarms) == {"life-dev-drift", "life-dev-drift-silence"}
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
        assert (alarm["Namespace"], alarm["ActionsEnabled"]) == ("provision", True)
        dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
        assert dimensions == {"Stack": "life", "Environment": "dev"}
        tags = aws.cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
        assert own_tags(tags) == f"alarm.{alarm['AlarmName'].removeprefix('life-dev-')}"
    members = ["MetricName", "Statistic", "Period", "ComparisonOperator", "Threshold"]
    members += ["TreatMissingData"]
    drift, silence = (
        [alarms[name][member] for member in members]
        for name in ("life-dev-drift", "life-dev-drift-silence")
    )
    assert drift == ["Drift", "Maximum", 300, "GreaterThanThreshold", 0.0, "ignore"]
    # Two periods of three quarters of an hour each without a check.
    assert silence == ["Checks", "Sum", 2700, "LessThanThreshold", 1.0, "breaching"]
    assert alarms["life-dev-drift-silence"]["EvaluationPeriods"] == 2


def check_schedule(aws: Aws) -> None:
    seen = aws.scheduler.get_schedule(Name="life-dev-drift")
    assert (seen["ScheduleExpression"], seen["State"]) == ("rate(1 hour)", "ENABLED")
    assert seen["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert seen["Description"] == "provision life/dev/schedule.drift"
    target = seen["Target"]
    assert target["Arn"] == f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/life-dev"
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 900}

    role = aws.iam.get_role(RoleName="life-dev-drift-schedule")["Role"]
    assert target["RoleArn"] == role["Arn"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "scheduler.amazonaws.com"}
    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/default"
    own = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}
    assert statement["Condition"] == {"StringEquals": own}

    parameters = target["EcsParameters"]
    assert (parameters["LaunchType"], parameters["TaskCount"]) == ("FARGATE", 1)
    asked = parameters["TaskDefinitionArn"]
    definition = aws.ecs.describe_task_definition(taskDefinition=asked)["taskDefinition"]
    assert definition["family"] == "life-dev-drift"
    assert definition["containerDefinitions"][0]["image"] == "ghcr.io/example/provision:1"
    network = parameters["NetworkConfiguration"]["awsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    subnets = aws.ec2.describe_subnets(SubnetIds=network["Subnets"])["Subnets"]
    assert len(subnets) == 2 and not any(one["MapPublicIpOnLaunch"] for one in subnets)
    groups = aws.ec2.describe_security_groups(GroupIds=network["SecurityGroups"])["SecurityGroups"]
    assert [group["IpPermissions"] for group in groups] == [[]]


def test_boto3_reads_and_writes_the_simulated_s3(aws: Aws) -> None:
    """Buckets, conditions, versions and lists, with the checksums that boto3 sends unasked."""
    s3, bucket = aws.s3, "life-state"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == REGION
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": True,
        "RestrictPublicBuckets": True,
    }

    body = "größe & <text>\n".encode()
    put = s3.put_object(Bucket=bucket, Key="a b/c", Body=body, IfNoneMatch="*", Metadata={"by": "me"})
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="a b/c")
    assert (got["Body"].read(), got["ETag"], got["Metadata"]) == (body, put["ETag"], {"by": "me"})
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="a b/c", Body=b"", IfNoneMatch="*")
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert refused.value.response["ResponseMetadata"]["RequestId"]
    s3.put_object(Bucket=bucket, Key="a b/c", Body=b"\x00\xff", IfMatch=put["ETag"])
    assert s3.get_object(Bucket=bucket, Key="a b/c")["Body"].read() == b"\x00\xff"

    listed = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [entry["Prefix"] for entry in listed["CommonPrefixes"]] == ["a b/"]
    with pytest.raises(ClientError):
        s3.delete_object(Bucket=bucket, Key="a b/c", IfMatch=put["ETag"])
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a b/c"}], "Quiet": True})
    versions = s3.list_object_versions(Bucket=bucket)
    assert (len(versions["Versions"]), len(versions["DeleteMarkers"])) == (2, 1)
    with pytest.raises(ClientError) as missing:
        s3.head_object(Bucket=bucket, Key="a b/c")
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


# What the simulated S3 does; each other operation that boto3 has it must refuse.
ANSWERED_OF_S3 = {
    "CreateBucket", "DeleteBucket", "DeleteBucketPolicy", "DeleteObject", "DeleteObjects",
    "DeletePublicAccessBlock", "GetBucketEncryption", "GetBucketLocation", "GetBucketPolicy",
    "GetBucketPolicyStatus", "GetBucketVersioning", "GetObject", "GetPublicAccessBlock",
    "HeadBucket", "HeadObject", "ListBuckets", "ListObjectVersions", "ListObjectsV2",
    "PutBucketEncryption", "PutBucketPolicy", "PutBucketVersioning", "PutObject",
    "PutPublicAccessBlock",
}  # fmt: skip
# These go to endpoints of their own: directory buckets and Object Lambda.
ELSEWHERE_OF_S3 = {"CreateSession", "ListDirectoryBuckets", "WriteGetObjectResponse"}


def least(shape: Any) -> Any:
    """The least that a shape of botocore's takes, of a bucket and a key that there are."""
    if shape.type_name == "structure":
        union = list(shape.members)[:1] if shape.is_tagged_union else []
        return {name: least(shape.members[name]) for name in shape.required_members or union}
    if shape.type_name == "list":
        return [least(shape.member)]
    named = {"BucketName": "life-state", "ObjectKey": "key", "CopySource": "life-state/key"}
    values = {"integer": 1, "long": 1, "boolean": True, "timestamp": 0, "blob": b""}
    text = shape.enum[0] if getattr(shape, "enum", None) else "text" * 5
    return named.get(shape.name, values.get(shape.type_name, text))


def test_what_the_simulated_s3_does_not_know_it_refuses_and_leaves_alone(aws: Aws) -> None:
    """Each operation of botocore's model that is not answered changes nothing."""
    s3, bucket = aws.s3, "life-state"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    kept = s3.put_object(Bucket=bucket, Key="key", Body=b"kept")["ETag"]
    model = s3.meta.service_model
    unknown = set(model.operation_names) - ANSWERED_OF_S3 - ELSEWHERE_OF_S3
    assert len(unknown) > 60
    methods = {operation: method for method, operation in s3.meta.method_to_api_mapping.items()}
    for name in sorted(unknown):
        request = least(model.operation_model(name).input_shape)
        with pytest.raises(ClientError) as error:
            getattr(s3, methods[name])(**request)
        assert error.value.response["Error"]["Code"] == "NotImplemented", name
    assert s3.head_object(Bucket=bucket, Key="key")["ETag"] == kept
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [(entry["Key"], entry["Size"]) for entry in listed] == [("key", 4)]
