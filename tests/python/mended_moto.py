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
