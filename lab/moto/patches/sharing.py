"""Who else may launch an image or make volumes of a snapshot: accounts, an organization, a unit of one."""

import re
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.responses import EC2Response

from patches.errors import error
from patches.keys import is_managed
from patches.patching import replace

ACCOUNT = re.compile(r"\d{12}")
ORGANIZATION = re.compile(r"arn:aws[a-z-]*:organizations::\d{12}:organization/o-[a-z0-9]{10,32}")
UNIT = re.compile(r"arn:aws[a-z-]*:organizations::\d{12}:ou/o-[a-z0-9]{10,32}/ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")

# What a permission may name, what the error calls it, and what fits. The names of the second form of a call are plural.
TARGETS = {
    "UserId": ("userId", ACCOUNT),
    "OrganizationArn": ("organizationArn", ORGANIZATION),
    "OrganizationalUnitArn": ("organizationalUnitArn", UNIT),
    "Group": ("userGroup", re.compile("all")),
}
LISTS = {"UserId": "UserIds", "OrganizationArn": "OrganizationArns", "OrganizationalUnitArn": "OrganizationalUnitArns"}


def modifiable(backend: Any, image_id: str) -> Any:
    """An image of one's own; others may be seen, and not changed."""
    image = backend.amis.get(image_id)
    if image is None:
        raise error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    if image.owner_id != backend.account_id:
        raise error("AuthFailure", f"Not authorized for image:{image_id}")
    return image


def modifiable_snapshot(backend: Any, snapshot_id: str) -> Any:
    snapshot = backend.get_snapshot(snapshot_id)
    if snapshot.owner_id != backend.account_id:
        raise error("AuthFailure", f"Not authorized for snapshot:{snapshot_id}")
    return snapshot


def _changes(call: Any, attribute: str, groups: str) -> dict[str, list[dict[str, str]]]:
    """What to add and to remove, from either form that the call may have."""
    given = call._get_param(attribute) or {}
    changes = {"Add": list(given.get("Add") or []), "Remove": list(given.get("Remove") or [])}
    operation = call._get_param("OperationType")
    if operation is not None:
        for target, names in {**LISTS, "Group": groups}.items():
            changes[operation.capitalize()] += [{target: each} for each in call._get_param(names) or []]
    for permission in changes["Add"] + changes["Remove"]:
        for target, value in permission.items():
            called, pattern = TARGETS[target]
            if not pattern.fullmatch(value):
                raise error(
                    "InvalidAMIAttributeItemValue", f'Invalid attribute item value "{value}" for {called} item type.'
                )
    return changes


def modify_launch_permission(self: Any) -> Any:
    self.error_on_dryrun()
    backend = self.ec2_backend
    image = modifiable(backend, self._get_param("ImageId"))
    changes = _changes(self, "LaunchPermission", "UserGroups")
    if changes["Add"]:
        snapshots = [backend.get_snapshot(device["Ebs"]["SnapshotId"]) for device in image.block_device_mappings]
        if any(is_managed(backend, snapshot) for snapshot in snapshots):
            raise error(
                "InvalidParameter",
                "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.",
            )
        if {"Group": "all"} in changes["Add"] and any(snapshot.encrypted for snapshot in snapshots):
            raise error("InvalidParameter", "Images with encrypted snapshots cannot be made public.")
    kept = [each for each in image.launch_permissions if each not in changes["Remove"]]
    image.launch_permissions = kept + [each for each in changes["Add"] if each not in kept]
    return EmptyResult()


def reset_image_attribute(self: Any) -> Any:
    self.error_on_dryrun()
    modifiable(self.ec2_backend, self._get_param("ImageId")).launch_permissions = []
    return ActionResult({"Return": True})


def modify_snapshot_attribute(self: Any) -> Any:
    self.error_on_dryrun()
    backend = self.ec2_backend
    snapshot = modifiable_snapshot(backend, self._get_param("SnapshotId"))
    changes = _changes(self, "CreateVolumePermission", "GroupNames")
    if changes["Add"]:
        if is_managed(backend, snapshot):
            raise error("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
        if {"Group": "all"} in changes["Add"] and snapshot.encrypted:
            raise error("OperationNotPermitted", "Encrypted snapshots cannot be made public")
    for change, targets in changes.items():
        users = {each["UserId"] for each in targets if "UserId" in each}
        groups = {each["Group"] for each in targets if "Group" in each}
        if change == "Add":
            snapshot.create_volume_permission_userids |= users
            snapshot.create_volume_permission_groups |= groups
        else:
            snapshot.create_volume_permission_userids -= users
            snapshot.create_volume_permission_groups -= groups
    return EmptyResult()


def describe_snapshot_attribute(self: Any) -> Any:
    snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
    permissions = [{"Group": group} for group in sorted(snapshot.create_volume_permission_groups)]
    permissions += [{"UserId": user} for user in sorted(snapshot.create_volume_permission_userids)]
    return ActionResult({"SnapshotId": snapshot.id, "CreateVolumePermissions": permissions})


def reset_snapshot_attribute(self: Any) -> Any:
    self.error_on_dryrun()
    snapshot = modifiable_snapshot(self.ec2_backend, self._get_param("SnapshotId"))
    snapshot.create_volume_permission_groups.clear()
    snapshot.create_volume_permission_userids.clear()
    return EmptyResult()


def install() -> None:
    replace(
        EC2Response,
        reset_image_attribute=reset_image_attribute,
        modify_snapshot_attribute=modify_snapshot_attribute,
        describe_snapshot_attribute=describe_snapshot_attribute,
        reset_snapshot_attribute=reset_snapshot_attribute,
    )
