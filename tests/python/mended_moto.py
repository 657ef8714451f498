"""moto, and what is mended of it so that the life of a stack can be told from its mistakes.

Each mend makes moto keep what it was given, or refuse what AWS refuses; none knows anything of the
program. `docs/emulators.md` lists them, and what is left as it is.
"""

from typing import Any

import pytest
from moto.core.utils import camelcase_to_underscores
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.route_tables import RouteBackend
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends
from moto.moto_api._internal import moto_api_backend
from moto.s3.responses import NoSuchBucketPolicy, S3Response
from moto.server import ThreadedMotoServer


def start(monkeypatch: pytest.MonkeyPatch, running: int) -> ThreadedMotoServer:
    """Starts an empty moto on a free port, with `running` tasks in each service."""
    moto_api_backend.reset()
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    monkeypatch.setenv("MOTO_ECS_SERVICE_RUNNING", str(running))
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    return server


def mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mends all that is known."""
    keep_all_of_a_service(monkeypatch)
    refuse_a_second_association(monkeypatch)
    register_the_tasks_of_services(monkeypatch)
    say_what_is_asked_of_a_bucket(monkeypatch)


def keep_all_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """CreateService forgets circuit breaker, grace period and capacity providers; UpdateService
    keeps them. Here both keep everything."""
    create = EC2ContainerServiceResponse.create_service

    def create_and_keep(self: EC2ContainerServiceResponse) -> Any:
        result = create(self)
        service = self.ecs_backend._get_service(
            self._get_param("cluster", "default"), self._get_param("serviceName")
        )
        for name, value in self._get_params().items():
            attribute = camelcase_to_underscores(name)
            if value is not None and not hasattr(service, attribute):
                setattr(service, attribute, value)
        return result

    monkeypatch.setattr(EC2ContainerServiceResponse, "create_service", create_and_keep)


def refuse_a_second_association(monkeypatch: pytest.MonkeyPatch) -> None:
    """AssociateRouteTable answers with the old association when the subnet follows another table,
    and changes nothing. AWS refuses."""
    associate = RouteBackend.associate_route_table

    def associate_or_refuse(
        self: Any, route_table_id: str, gateway_id: Any = None, subnet_id: Any = None
    ) -> str:
        for table in self.route_tables.values():
            if table.id != route_table_id and subnet_id in table._associations.values():
                raise EC2ClientError(
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {table.id} conflicts",
                )
        return associate(self, route_table_id, gateway_id, subnet_id)

    monkeypatch.setattr(RouteBackend, "associate_route_table", associate_or_refuse)


def register_the_tasks_of_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of a service are never registered with its target groups. Here as many addresses
    are as the service has tasks, until it is deleted."""
    create = EC2ContainerServiceBackend.create_service
    delete = EC2ContainerServiceBackend.delete_service

    def targets(service: Any) -> list[tuple[str, list[dict[str, Any]]]]:
        return [
            (
                balancer["targetGroupArn"],
                [
                    {"Id": f"10.0.250.{10 + task}", "Port": balancer["containerPort"]}
                    for task in range(service.running_count)
                ],
            )
            for balancer in service.load_balancers
        ]

    def create_and_register(self: Any, *args: Any, **kwargs: Any) -> Any:
        service = create(self, *args, **kwargs)
        for group, addresses in targets(service):
            elbv2_backends[self.account_id][self.region_name].register_targets(group, addresses)
        return service

    def deregister_and_delete(self: Any, cluster: str, name: str, force: bool) -> Any:
        for group, addresses in targets(self._get_service(cluster, name)):
            elbv2_backends[self.account_id][self.region_name].deregister_targets(group, addresses)
        return delete(self, cluster, name, force)

    monkeypatch.setattr(EC2ContainerServiceBackend, "create_service", create_and_register)
    monkeypatch.setattr(EC2ContainerServiceBackend, "delete_service", deregister_and_delete)


def say_what_is_asked_of_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """GetBucketVersioning is answered in an element of another name, and GetBucketPolicyStatus with
    a list of objects. Here the first has its own name, and the second says that there is no
    policy: none of these tests puts one."""
    versioning = S3Response.get_bucket_versioning
    get = S3Response._bucket_response_get

    def versioning_by_name(self: S3Response) -> Any:
        status, headers, body = versioning(self)
        text = body.decode() if isinstance(body, bytes) else body
        name, own = "GetBucketVersioningResponse", "VersioningConfiguration"
        return status, headers, text.replace(name, own)

    def get_or_refuse(self: S3Response, bucket_name: str, querystring: dict[str, Any]) -> Any:
        if "policyStatus" in querystring:
            raise NoSuchBucketPolicy(bucket_name=bucket_name)
        return get(self, bucket_name, querystring)

    monkeypatch.setattr(S3Response, "get_bucket_versioning", versioning_by_name)
    monkeypatch.setattr(S3Response, "_bucket_response_get", get_or_refuse)
