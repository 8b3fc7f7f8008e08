"""Holds a call to AWS's own description of its service, as botocore carries it: names, types, what must be there,
values of lists of choices, patterns, lengths and ranges.

moto takes what it does not know and forgets it; what AWS would refuse must not pass here. Where the two differ, this
is the stricter one: AWS's JSON services overlook a member that they do not know.
"""

import base64
import binascii
import json
import re
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel

# Where the name that a call is signed for is not that of the description.
DESCRIPTIONS = {"servicequotas": "service-quotas"}

# Members that Amazon's ECS agent (1.105.1) sends by a description of its own, which AWS has not published.
OF_THE_AGENT = {
    ("ecs", "RegisterContainerInstance"): {"clientToken"},
    ("ecs", "DiscoverPollEndpoint"): {"zoneId"},
}

# What the forms of both query protocols carry beside the operation's own parameters.
ENVELOPE = ("Action", "Version")

NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


class InvalidCallError(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


# What AWS calls them. (The query protocols of IAM and STS have one word for all.)
CODES = {
    "ec2": {
        "unknown": "UnknownParameter",
        "missing": "MissingParameter",
        "value": "InvalidParameterValue",
    },
    "query": {"unknown": "ValidationError", "missing": "ValidationError", "value": "ValidationError"},
    "json": {"unknown": "ValidationException", "missing": "ValidationException", "value": "ValidationException"},
}


@cache
def description_of(service: str) -> ServiceModel | None:
    name = DESCRIPTIONS.get(service, service)
    try:
        return ServiceModel(Loader().load_service_model(name, "service-2"), service_name=name)
    except UnknownServiceError:
        return None


def refusal(service: str, action: str, body: str) -> dict[str, str] | None:
    """What AWS would say against a call, or None. `body` is the form, or the JSON document."""
    model = description_of(service)
    if model is None or action not in model.operation_names:
        return None
    shape = model.operation_model(action).input_shape
    protocol = str(model.metadata["protocol"])
    try:
        if protocol in ("json", "rest-json"):
            if shape is not None:
                check(shape, without(json.loads(body or "{}"), OF_THE_AGENT.get((service, action), set())), "")
        else:
            form = [(key, value) for key, value in parse_qsl(body, keep_blank_values=True) if key not in ENVELOPE]
            if shape is None and form:
                raise InvalidCallError("unknown", f"The parameter {form[0][0]} is not recognized")
            if shape is not None:
                check(shape, Form(protocol).read(shape, form), "")
    except InvalidCallError as invalid:
        codes = CODES.get(protocol, CODES["json"])
        return {"code": codes[invalid.kind], "message": str(invalid)}
    return None


def without(document: Any, names: set[str]) -> Any:
    if not isinstance(document, dict):
        return document
    return {key: value for key, value in document.items() if key not in names}


class Form:
    """Reads the flat names of a form (`BlockDeviceMapping.1.Ebs.VolumeSize`) into the tree that they stand for."""

    def __init__(self, protocol: str) -> None:
        self.is_ec2 = protocol == "ec2"

    def read(self, shape: Any, form: list[tuple[str, str]]) -> Any:
        tree: Any = {}
        for key, value in form:
            try:
                tree = self.put(shape, tree, key.split("."), value)
            except KeyError:
                raise InvalidCallError("unknown", f"The parameter {key} is not recognized") from None
        return tree

    def put(self, shape: Any, tree: Any, path: list[str], value: str) -> Any:
        """KeyError when the description knows no such way."""
        if not path:
            if shape.type_name in ("structure", "map") or (shape.type_name == "list" and value != ""):
                raise KeyError(value)
            # An empty list of the query protocol is its bare name.
            return [] if shape.type_name == "list" else scalar(shape, value)
        if shape.type_name == "structure":
            name = self.member(shape, path[0])
            known = tree if isinstance(tree, dict) else {}
            return {**known, name: self.put(shape.members[name], known.get(name), path[1:], value)}
        if shape.type_name == "list":
            return self.put_item(shape, tree, path, value)
        if shape.type_name == "map":
            return self.put_entry(shape, tree, path, value)
        raise KeyError(path[0])

    def put_item(self, shape: Any, tree: Any, path: list[str], value: str) -> Any:
        rest = path
        if not self.is_ec2 and not shape.serialization.get("flattened"):
            if path[0] != shape.member.serialization.get("name", "member"):
                raise KeyError(path[0])
            rest = path[1:]
        if not rest or not rest[0].isdecimal():
            raise KeyError(".".join(path))
        items = dict(tree.items) if isinstance(tree, Numbered) else {}
        at = int(rest[0])
        items[at] = self.put(shape.member, items.get(at), rest[1:], value)
        return Numbered(items)

    def put_entry(self, shape: Any, tree: Any, path: list[str], value: str) -> Any:
        rest = path if shape.serialization.get("flattened") else path[1:]
        if len(rest) < 2 or not rest[0].isdecimal() or rest[1] not in ("key", "value"):
            raise KeyError(".".join(path))
        entries = dict(tree.items) if isinstance(tree, Numbered) else {}
        entry = dict(entries.get(int(rest[0]), {}))
        part = shape.key if rest[1] == "key" else shape.value
        entry[rest[1]] = self.put(part, entry.get(rest[1]), rest[2:], value)
        return Numbered({**entries, int(rest[0]): entry})

    def member(self, shape: Any, sent: str) -> str:
        for name, member in shape.members.items():
            if sent == self.sent_name(name, member):
                return str(name)
        raise KeyError(sent)

    def sent_name(self, name: str, member: Any) -> str:
        spelled = member.serialization
        if not self.is_ec2:
            return str(spelled.get("name", name))
        if "queryName" in spelled:
            return str(spelled["queryName"])
        own = str(spelled.get("name", name))
        return own[0].upper() + own[1:]


class Numbered:
    """Items by the numbers that they were sent under."""

    def __init__(self, items: dict[int, Any]) -> None:
        self.items = items


def scalar(shape: Any, value: str) -> Any:
    if shape.type_name == "boolean":
        if value not in ("true", "false"):
            raise InvalidCallError("value", f"Invalid value '{value}': it must be true or false")
        return value == "true"
    if shape.type_name in NUMBERS:
        try:
            return NUMBERS[shape.type_name](value)
        except ValueError:
            raise InvalidCallError(
                "value", f"Invalid value '{value}': it must be a number ({shape.type_name})"
            ) from None
    return value


def check(shape: Any, value: Any, where: str) -> None:
    """@raises InvalidCallError"""
    kind = shape.type_name
    if kind == "structure":
        check_structure(shape, value, where)
    elif kind == "list":
        items = list(value.items.values()) if isinstance(value, Numbered) else value
        expect(isinstance(items, list), where, "a list")
        check_range(shape, len(items), where)
        for at, item in enumerate(items, 1):
            check(shape.member, item, f"{where}.{at}")
    elif kind == "map":
        entries = (
            {entry.get("key"): entry.get("value") for entry in value.items.values()}
            if isinstance(value, Numbered)
            else value
        )
        expect(isinstance(entries, dict), where, "a map")
        for key, item in entries.items():
            check(shape.key, key, f"{where}.key")
            check(shape.value, item, f"{where}.{key}")
    else:
        check_scalar(shape, value, where)


def check_structure(shape: Any, value: Any, where: str) -> None:
    members = value if value is not None else {}
    expect(isinstance(members, dict), where, "a structure")
    for name in shape.required_members:
        if members.get(name) is None:
            raise InvalidCallError("missing", f"The request must contain the parameter {inside(where, name)}")
    for name, item in members.items():
        if name not in shape.members:
            raise InvalidCallError("unknown", f"The parameter {inside(where, name)} is not recognized")
        if item is not None:
            check(shape.members[name], item, inside(where, name))


def check_scalar(shape: Any, value: Any, where: str) -> None:
    kind = shape.type_name
    if kind == "boolean":
        expect(isinstance(value, bool), where, "true or false")
    elif kind in NUMBERS:
        expect(isinstance(value, int | float) and not isinstance(value, bool), where, "a number")
        check_range(shape, value, where)
    elif kind == "timestamp":
        expect(is_time(value), where, "a time")
    elif kind == "blob":
        expect(is_base64(value), where, "base64")
    else:
        expect(isinstance(value, str), where, "a text")
        check_text(shape, value, where)


def check_text(shape: Any, value: str, where: str) -> None:
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        raise InvalidCallError("value", f"Invalid value '{value}' for {where}. It is none of AWS's choices")
    check_range(shape, len(value), where)
    pattern = shape.metadata.get("pattern")
    if pattern and not matches(pattern, value):
        raise InvalidCallError("value", f"Invalid value '{value}' for {where}. It must match {pattern}")


def check_range(shape: Any, size: float, where: str) -> None:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        raise InvalidCallError(
            "value", f"Invalid value for {where}. Its size or number is {size}, not {least} to {most}"
        )


def expect(holds: bool, where: str, wanted: str) -> None:
    if not holds:
        raise InvalidCallError("value", f"Invalid value for {where or 'the request'}. It must be {wanted}")


def inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """None for what Java's expressions can and Python's cannot, as the classes of letters of any script."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def matches(pattern: str, value: str) -> bool:
    known = compiled(pattern)
    return known is None or known.fullmatch(value) is not None


def is_time(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return True
    try:
        datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def is_base64(value: Any) -> bool:
    try:
        base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
