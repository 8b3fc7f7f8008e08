"""Filters with several values: EC2 takes what matches one of them, and moto what has all."""

import fnmatch
from collections.abc import Iterable
from typing import Any

from moto.ec2 import utils

_moto_matches = utils.is_filter_matching

OF_TAGS = ("tag-key", "tag-value")


def is_filter_matching(obj: Any, name: str, wanted: Any) -> bool:
    if name not in OF_TAGS:
        return bool(_moto_matches(obj, name, wanted))
    patterns: Iterable[str] = [wanted] if isinstance(wanted, str) else wanted or []
    values: list[str] = obj.get_filter_value(name)
    return any(fnmatch.fnmatchcase(value, pattern) for value in values for pattern in patterns)


def install() -> None:
    utils.is_filter_matching = is_filter_matching
