"""Filters with several values: EC2 takes what matches one of them, and moto what has all."""

import fnmatch
from collections.abc import Iterable
from typing import Any

from moto.ec2 import utils

_moto_matches = utils.is_filter_matching

OF_TAGS = ("tag-key", "tag-value")


def is_filter_matching(obj: Any, _filter: str, filter_value: Any) -> bool:
    if _filter not in OF_TAGS:
        return bool(_moto_matches(obj, _filter, filter_value))
    patterns: Iterable[str] = [filter_value] if isinstance(filter_value, str) else filter_value or []
    values: list[str] = obj.get_filter_value(_filter)
    return any(fnmatch.fnmatchcase(value, pattern) for value in values for pattern in patterns)


def install() -> None:
    utils.is_filter_matching = is_filter_matching
