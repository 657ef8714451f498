"""Checks an operation's input against its service's model: members, types, sizes, patterns, enums.

botocore itself checks members and types alone before it sends; the rest of the model it leaves to
the service. Here all of it is checked, since there is no service.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

# Knows the classes of characters that the models' patterns name.
import regex
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "character": (str,),
    "blob": (str, bytes),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str, datetime),
}


def faults(members: Any, shape: StructureShape | None) -> list[str]:
    """What is wrong with an input, each with the way to it; nothing when all is well."""
    if shape is None:
        return [f"{name}: the operation takes no input" for name in members]
    return list(check(members, shape, shape.name))


def check(value: Any, shape: Shape, way: str) -> Iterator[str]:
    allowed = TYPES[shape.type_name]
    is_wrong = not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)
    if is_wrong:
        yield f"{way}: {value!r} is no {shape.type_name}"
        return
    yield from check_size(value, shape, way)
    if isinstance(shape, StructureShape):
        yield from check_members(value, shape, way)
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value):
            yield from check(item, shape.member, f"{way}[{number}]")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from check(key, shape.key, f"{way}.{key} (key)")
            yield from check(item, shape.value, f"{way}.{key}")
    elif isinstance(shape, StringShape):
        yield from check_text(value, shape, way)


def check_members(value: dict[str, Any], shape: StructureShape, way: str) -> Iterator[str]:
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{way}.{name}: required, and not there"
    for name, member in value.items():
        if name not in shape.members:
            yield f"{way}.{name}: not in the model"
        elif member is not None:
            yield from check(member, shape.members[name], f"{way}.{name}")


def check_size(value: Any, shape: Shape, way: str) -> Iterator[str]:
    """Bounds are of a number itself, of a text's characters, and of a collection's items."""
    if isinstance(value, bool):
        return
    size = value if isinstance(value, (int, float)) else len(value)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{way}: {size} is less than {least}"
    if most is not None and size > most:
        yield f"{way}: {size} is more than {most}"


def check_text(value: str, shape: StringShape, way: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        yield f"{way}: {value!r} is none of {shape.enum}"
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not compiled(pattern).fullmatch(value):
        yield f"{way}: {value!r} does not match {pattern!r}"


@cache
def compiled(pattern: str) -> regex.Pattern[str]:
    """A model's pattern. Characters beyond 16 bits are written in two halves, as Java has them."""
    for halves in (r"\ud800\udc00-\udbff\udfff", r"\uD800\uDC00-\uDBFF\uDFFF"):
        pattern = pattern.replace(halves, "\U00010000-\U0010ffff")
    return regex.compile(pattern)
