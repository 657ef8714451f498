"""Requests as they stand on the wire, read back into the members of AWS's own service models.

What a request has and the model has not is kept under its name on the wire, so that the check finds
it.
"""

import io
import json
import re
from typing import Any
from urllib.parse import parse_qsl

import cbor2
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from recorded import MODELS, Asked, Recorded, Unreadable, model, operation_of, scalar
from rest_requests import read_rest

# Of every request of a query protocol, and of no operation.
ENVELOPE = {"Action", "Version"}


def read(recorded: Recorded) -> Asked:
    """The operation that a request asks for, with its input."""
    authorization = recorded.header("authorization")
    signed = re.search(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request", authorization)
    if signed is None or signed.group(1) not in MODELS:
        raise Unreadable(f"signed for no known service: {authorization!r}")
    service = model(MODELS[signed.group(1)])
    protocol = service.metadata["protocol"]
    if protocol.startswith("rest-"):
        return read_rest(service, recorded)
    if recorded.method != "POST":
        raise Unreadable(f"{service.service_name} is asked by {recorded.method}")
    if protocol == "smithy-rpc-v2-cbor":
        return read_cbor(service, recorded)
    if recorded.path != "/":
        raise Unreadable(f"{service.service_name} is asked at {recorded.path!r}")
    if protocol == "json":
        return read_json(service, recorded)
    return read_query(service, recorded)


def read_cbor(service: ServiceModel, recorded: Recorded) -> Asked:
    """The operation is at the end of the path, and its input a map."""
    within = f"/service/{service.metadata['targetPrefix']}/operation/"
    if not recorded.path.startswith(within):
        raise Unreadable(f"{recorded.path!r} is not of {service.service_name}")
    operation = operation_of(service, recorded.path.removeprefix(within))
    kind, said = recorded.header("content-type"), recorded.header("smithy-protocol")
    if (kind, said) != ("application/cbor", "rpc-v2-cbor"):
        raise Unreadable(f"{operation.name} is sent as {kind!r} in {said!r}")
    body = io.BytesIO(recorded.body)
    try:
        members = cbor2.CBORDecoder(body, read_size=1).decode()
    except cbor2.CBORDecodeError as error:
        raise Unreadable(f"{operation.name} is no CBOR: {error}") from error
    if body.read():
        raise Unreadable(f"{operation.name} has something behind its members")
    return Asked(service.service_name, operation.name, members, operation.input_shape)


def read_json(service: ServiceModel, recorded: Recorded) -> Asked:
    target = recorded.header("x-amz-target")
    prefix, _, name = target.rpartition(".")
    whole = service.metadata["targetPrefix"]
    # CloudTrail's has a package before its name, which SDKs made from newer models leave out.
    if prefix not in {whole, whole.rpartition(".")[2]}:
        raise Unreadable(f"{target!r} is not of {service.service_name}")
    operation = operation_of(service, name)
    members = json.loads(recorded.body or b"{}")
    return Asked(service.service_name, name, members, operation.input_shape)


def read_query(service: ServiceModel, recorded: Recorded) -> Asked:
    pairs = parse_qsl(recorded.body.decode(), keep_blank_values=True, strict_parsing=True)
    values = dict(pairs)
    if len(values) != len(pairs):
        raise Unreadable(f"a parameter is given twice: {pairs!r}")
    name, version = values.get("Action", ""), values.get("Version", "")
    operation = operation_of(service, name)
    if version != service.api_version:
        raise Unreadable(f"{name} of version {version!r}, not {service.api_version!r}")
    tree = nest({key: value for key, value in values.items() if key not in ENVELOPE})
    is_ec2 = service.metadata["protocol"] == "ec2"
    members = structure(tree, operation.input_shape, is_ec2) if operation.input_shape else tree
    return Asked(service.service_name, name, members, operation.input_shape)


def nest(values: dict[str, str]) -> dict[str, Any]:
    """Flat names with dots as a tree."""
    root: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        node = root
        for part in path:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise Unreadable(f"{name} is a value and has members")
        node[last] = value
    return root


def typed(tree: Any, shape: Shape, is_ec2: bool) -> Any:
    """A part of a tree, by the shape that it should have; as it is where it has not."""
    if isinstance(shape, StructureShape) and isinstance(tree, dict):
        return structure(tree, shape, is_ec2)
    if isinstance(shape, ListShape) and isinstance(tree, dict):
        return items(tree, shape, is_ec2)
    if isinstance(shape, MapShape) and isinstance(tree, dict):
        return entries(tree, shape, is_ec2)
    return scalar(tree, shape)


def structure(tree: dict[str, Any], shape: StructureShape, is_ec2: bool) -> dict[str, Any]:
    by_wire_name = {
        wire_name(member, name, is_ec2): (name, member) for name, member in shape.members.items()
    }
    read = {}
    for part, value in tree.items():
        name, member = by_wire_name.get(part, (part, None))
        read[name] = typed(value, member, is_ec2) if member else value
    return read


def wire_name(member: Shape, name: str, is_ec2: bool) -> str:
    """The member's name on the wire: EC2's begin with a capital."""
    serialization = member.serialization
    if is_ec2 and "queryName" in serialization:
        return str(serialization["queryName"])
    if isinstance(member, ListShape) and serialization.get("flattened") and not is_ec2:
        serialization = member.member.serialization or serialization
    wire = str(serialization.get("name", name))
    return wire[0].upper() + wire[1:] if is_ec2 else wire


def items(tree: dict[str, Any], shape: ListShape, is_ec2: bool) -> Any:
    """A list: its items are numbered from 1."""
    if not is_ec2 and not shape.serialization.get("flattened"):
        within = str(shape.member.serialization.get("name", "member"))
        if set(tree) == {""}:
            return []
        if set(tree) != {within}:
            return tree
        tree = tree[within]
    if not all(number.isdecimal() for number in tree):
        return tree
    numbers = sorted(int(number) for number in tree)
    if numbers != list(range(1, len(numbers) + 1)):
        raise Unreadable(f"items are numbered {numbers}")
    return [typed(tree[str(number)], shape.member, is_ec2) for number in numbers]


def entries(tree: dict[str, Any], shape: MapShape, is_ec2: bool) -> Any:
    """A map: numbered entries of a key and a value."""
    if not shape.serialization.get("flattened"):
        tree = tree.get("entry", {})
    key = str(shape.key.serialization.get("name", "key"))
    value = str(shape.value.serialization.get("name", "value"))
    pairs = [tree[number] for number in sorted(tree, key=int)]
    return {pair[key]: typed(pair[value], shape.value, is_ec2) for pair in pairs}
