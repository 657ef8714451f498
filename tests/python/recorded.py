"""What the readers of requests share: a request as it came, what it asks, and the models.

The models are those that botocore carries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

# The name that requests are signed for, and the name of the model.
MODELS = {
    "application-autoscaling": "application-autoscaling",
    "cloudtrail": "cloudtrail",
    "ec2": "ec2",
    "ecs": "ecs",
    "elasticloadbalancing": "elbv2",
    "iam": "iam",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "s3": "s3",
    "scheduler": "scheduler",
    "secretsmanager": "secretsmanager",
    "servicequotas": "service-quotas",
    "sns": "sns",
    "ssm": "ssm",
    "sts": "sts",
}


@dataclass(frozen=True)
class Recorded:
    """A request as it is on the wire; the names of its headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name, "")


@dataclass(frozen=True)
class Asked:
    """An operation, and its input by the model's names."""

    service: str
    operation: str
    members: Any
    shape: StructureShape | None


class Unreadable(Exception):
    """A request that no model knows."""


@cache
def model(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def operation_of(service: ServiceModel, name: str) -> OperationModel:
    if name not in service.operation_names:
        raise Unreadable(f"{service.service_name} has no operation {name!r}")
    return service.operation_model(name)


def scalar(text: Any, shape: Shape) -> Any:
    """A value that came as text, as the type that it stands for; the text where it stands for none."""
    if not isinstance(text, str):
        return text
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(text, text)
    convert = {"integer": int, "long": int, "float": float, "double": float}.get(shape.type_name)
    try:
        return convert(text) if convert else text
    except ValueError:
        return text
