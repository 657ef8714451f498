"""Requests whose operation is in method and path, read back into the members of AWS's models.

Members are in the path, in the query, in headers and in the body, which is JSON or XML. What is in
none of the model's places is kept under its name on the wire, so that the check finds it.
"""

import base64
import json
import re
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

from botocore.model import (
    ListShape,
    MapShape,
    OperationModel,
    ServiceModel,
    Shape,
    StructureShape,
)
from recorded import Asked, Recorded, Unreadable, operation_of, scalar

# Of every request whatever it asks: HTTP's own, the signature's, and what an SDK says of itself.
ENVELOPE = {
    "accept",
    "accept-encoding",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-user-agent",
}

# What an SDK adds to the query of S3, where method and path alone do not tell the operation.
NAME_OF_OPERATION = "x-id"


@dataclass(frozen=True)
class Template:
    """Where an operation is found: `PUT /{Bucket}/{Key+}`, or `GET /{Bucket}?versioning`."""

    method: str
    path: re.Pattern[str]
    labels: tuple[str, ...]
    query: tuple[tuple[str, str], ...]

    def holds(self, method: str, path: str, query: list[tuple[str, str]]) -> bool:
        is_there = method == self.method and self.path.fullmatch(path) is not None
        return is_there and all(pair in query for pair in self.query)


@cache
def template(operation: OperationModel) -> Template:
    uri = urlsplit(operation.http["requestUri"])
    # A label of one part, or with a plus of all that follow.
    parts = re.split(r"\{(\w+\+?)\}", uri.path)
    pattern = "".join(
        (".+" if part.endswith("+") else "[^/]+").join(("(", ")")) if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    labels = tuple(part.rstrip("+") for part in parts[1::2])
    # A bucket may be written with a slash behind it.
    path = re.compile(pattern + "/?" if labels == ("Bucket",) else pattern)
    query = tuple(parse_qsl(uri.query, keep_blank_values=True))
    return Template(operation.http["method"], path, labels, query)


def read_rest(service: ServiceModel, recorded: Recorded) -> Asked:
    parts = urlsplit(recorded.path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    operation = find(service, recorded, parts.path, query)
    members: dict[str, Any] = {}
    place = template(operation)
    found = place.path.fullmatch(parts.path)
    assert found is not None
    members.update(zip(place.labels, map(unquote, found.groups()), strict=True))
    rest = [pair for pair in query if pair not in place.query]
    members.update(from_query(rest, operation))
    members.update(from_headers(recorded, operation))
    members.update(from_body(service, recorded, operation))
    check_sum(recorded, operation)
    return Asked(service.service_name, operation.name, members, operation.input_shape)


def find(
    service: ServiceModel, recorded: Recorded, path: str, query: list[tuple[str, str]]
) -> OperationModel:
    """The operation with the most of what is asked of its query and its headers."""
    operations = [operation_of(service, name) for name in service.operation_names]
    fitting = [one for one in operations if template(one).holds(recorded.method, path, query)]
    fitting = [one for one in fitting if has_required(one, recorded, query)]
    if not fitting:
        raise Unreadable(f"{service.service_name} has nothing at {recorded.method} {recorded.path}")
    operation = max(fitting, key=lambda one: len(template(one).query) + len(required(one)))
    named = dict(query).get(NAME_OF_OPERATION, operation.name)
    if named != operation.name:
        raise Unreadable(f"{recorded.path!r} is {operation.name}, and is not meant to be")
    return operation


def located(operation: OperationModel, *places: str) -> dict[str, tuple[str, Shape]]:
    """The members that are in one of these places, by their names there."""
    shape = operation.input_shape
    members = shape.members.items() if shape else ()
    return {
        str(member.serialization.get("name", name)): (name, member)
        for name, member in members
        if member.serialization.get("location") in places
    }


def required(operation: OperationModel) -> list[tuple[str, str]]:
    """Where required members are that are not in the path: place and name."""
    shape = operation.input_shape
    names = shape.required_members if shape else ()
    members = [shape.members[name].serialization for name in names] if shape else []
    places = [(str(one.get("location")), str(one.get("name"))) for one in members]
    return [place for place in places if place[0] in {"querystring", "header"}]


def has_required(
    operation: OperationModel, recorded: Recorded, query: list[tuple[str, str]]
) -> bool:
    asked = {"querystring": {name for name, _ in query}, "header": set(recorded.headers)}
    return all(
        (name.lower() if place == "header" else name) in asked[place]
        for place, name in required(operation)
    )


def from_query(query: list[tuple[str, str]], operation: OperationModel) -> dict[str, Any]:
    known = located(operation, "querystring")
    members: dict[str, Any] = {}
    for wire, text in query:
        if wire == NAME_OF_OPERATION:
            continue
        name, shape = known.get(wire, (f"?{wire}", None))
        if isinstance(shape, ListShape):
            members.setdefault(name, []).append(scalar(text, shape.member))
        elif name in members:
            raise Unreadable(f"{wire} is given twice")
        else:
            members[name] = scalar(text, shape) if shape else text
    return members


def from_headers(recorded: Recorded, operation: OperationModel) -> dict[str, Any]:
    known = {
        name.lower(): member for name, member in located(operation, "header").items()
    }
    prefixes = {name.lower(): member for name, member in located(operation, "headers").items()}
    members: dict[str, Any] = {}
    for wire, text in recorded.headers.items():
        prefix = next((prefix for prefix in prefixes if wire.startswith(prefix)), None)
        if wire in known:
            name, shape = known[wire]
            members[name] = scalar(text, shape)
        elif prefix is not None:
            name, _ = prefixes[prefix]
            members.setdefault(name, {})[wire.removeprefix(prefix)] = text
        elif wire not in ENVELOPE and not (operation.http_checksum and is_sum(wire)):
            members[f"{wire}:"] = text
    return members


def from_body(service: ServiceModel, recorded: Recorded, operation: OperationModel) -> dict[str, Any]:
    shape = operation.input_shape
    payload = shape.serialization.get("payload") if shape else None
    if payload is not None and shape is not None:
        member = shape.members[payload]
        if member.type_name == "blob":
            return {payload: recorded.body}
        return {payload: from_xml(recorded.body, member)} if recorded.body else {}
    if not recorded.body:
        return {}
    if service.metadata["protocol"] == "rest-xml" or shape is None:
        raise Unreadable(f"{operation.name} has no body")
    if recorded.header("content-type") != "application/json":
        raise Unreadable(f"{operation.name} is sent as {recorded.header('content-type')!r}")
    return from_json(json.loads(recorded.body), shape)


def from_json(document: Any, shape: StructureShape) -> dict[str, Any]:
    """The members of a body; what does not belong there gets a name that no model has."""
    if not isinstance(document, dict):
        raise Unreadable(f"the body is {document!r}")
    members = shape.members.items()
    own = {name for name, member in members if "location" not in member.serialization}
    return {name if name in own else f"{name} (body)": document[name] for name in document}


def from_xml(body: bytes, shape: Shape) -> Any:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise Unreadable(f"the body is no XML: {error}") from error
    space = shape.serialization.get("xmlNamespace", {}).get("uri", "")
    name = shape.serialization.get("name", shape.name)
    if root.tag != f"{{{space}}}{name}":
        raise Unreadable(f"the body is {root.tag!r}, not {name} of {space!r}")
    return element(root, shape, f"{{{space}}}")


def element(node: ElementTree.Element, shape: Shape | None, space: str) -> Any:
    """An element, by the shape that it should have; its text where it has none."""
    if isinstance(shape, StructureShape):
        return structure(node, shape, space)
    if isinstance(shape, ListShape):
        return [element(item, shape.member, space) for item in node]
    if isinstance(shape, MapShape) or len(node):
        raise Unreadable(f"{node.tag} has members that are not read here")
    return scalar(node.text or "", shape) if shape else node.text


def structure(node: ElementTree.Element, shape: StructureShape, space: str) -> dict[str, Any]:
    by_wire_name = {
        space + str(member.serialization.get("name", name)): (name, member)
        for name, member in shape.members.items()
    }
    members: dict[str, Any] = {}
    for child in node:
        name, member = by_wire_name.get(child.tag, (child.tag, None))
        is_repeated = isinstance(member, ListShape) and member.serialization.get("flattened")
        if is_repeated:
            members.setdefault(name, []).append(element(child, member.member, space))
        elif name in members:
            raise Unreadable(f"{child.tag} is given twice")
        else:
            members[name] = element(child, member, space)
    return members


def is_sum(header: str) -> bool:
    """Whether a header is the checksum of a body."""
    return header == "content-md5" or re.fullmatch(r"x-amz-checksum-(crc|sha)\w+", header) is not None


def check_sum(recorded: Recorded, operation: OperationModel) -> None:
    """A body that has to have a checksum has one, and one that is read here is right."""
    is_wanted = operation.http_checksum.get("requestChecksumRequired", False)
    if is_wanted and not any(map(is_sum, recorded.headers)):
        raise Unreadable(f"{operation.name} has to have a checksum")
    crc = base64.b64encode(zlib.crc32(recorded.body).to_bytes(4)).decode()
    if recorded.headers.get("x-amz-checksum-crc32", crc) != crc:
        raise Unreadable(f"{operation.name} has a body that its checksum is not of")
