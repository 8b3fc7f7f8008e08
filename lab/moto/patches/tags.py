"""Tags that an instance sees in its own metadata (`InstanceMetadataTags`).

Their keys are path segments there, so EC2 takes fewer characters in the keys of such an instance than it does else. The
metadata service asks for them with each question (control.py), so that a change shows at once.
"""

import re
from collections.abc import Iterable
from typing import Any

from moto.ec2.models.tags import TagBackend

from patches.errors import error
from patches.patching import replace

KEY = re.compile(r"[0-9a-zA-Z\-_+=,.@:]{1,255}")
RESERVED = (".", "..", "_index")

_moto_create = TagBackend.create_tags


def are_shown(instance: Any) -> bool:
    return bool(instance.metadata_options.instance_metadata_tags == "enabled")


def refuse_unfit(keys: Iterable[str]) -> None:
    """With EC2's own words."""
    for key in keys:
        if not KEY.fullmatch(key) or key in RESERVED:
            raise error(
                "InvalidParameterValue",
                f"'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), "
                "and must not be a reserved name ('.', '..', '_index')",
            )


def create_tags(self: Any, resource_ids: list[str], tags: dict[str, str]) -> bool:
    shown = {instance.id for instance in self.all_instances() if are_shown(instance)}
    if shown.intersection(resource_ids):
        refuse_unfit(tags)
    return _moto_create(self, resource_ids, tags)


def install() -> None:
    replace(TagBackend, create_tags=create_tags)
