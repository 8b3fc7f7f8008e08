"""Volumes that an instance is launched with: the image's root, and others that are made from snapshots."""

import re
from typing import Any

from patches.errors import error, unsupported

# EC2's list for HVM, without what the root has.
_DATA_DEVICE = re.compile(r"(?:/dev/)?(?:(?:sd|xvd)[b-z]|xvd[a-d][a-z])")


def _kernel_name(device: str) -> str:
    """Two names of one device (/dev/sdf, xvdf) are one name in the machine."""
    return re.sub(r"^(?:/dev/)?(?:sd|xvd)", "xvd", device)


def _refuse_smaller(ebs: dict[str, Any], snapshot_size: int) -> None:
    if int(ebs["VolumeSize"]) < snapshot_size:
        raise error(
            "InvalidBlockDeviceMapping",
            f"Volume of size {ebs['VolumeSize']}GB is smaller than snapshot '{ebs['SnapshotId']}', "
            f"expect size >= {snapshot_size}GB",
        )


def _asked(device: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (device.get("Ebs") or {}).items() if value is not None}


def _root(image: Any, requested: list[dict[str, Any]]) -> dict[str, Any]:
    """What the image says, overlaid with what the call asks for."""
    root = next(d for d in image.block_device_mappings if d["DeviceName"] == image.root_device_name)
    ebs = {**root["Ebs"]}
    if image.ebs_snapshot.encrypted:
        ebs["KmsKeyId"] = image.ebs_snapshot.kms_key_id
    for device in requested:
        asked = _asked(device)
        if asked.get("SnapshotId", ebs["SnapshotId"]) != ebs["SnapshotId"]:
            raise error(
                "InvalidBlockDeviceMapping", f"snapshotId cannot be modified on root device {image.root_device_name}"
            )
        ebs.update(asked)
    _refuse_smaller(ebs, root["Ebs"]["VolumeSize"])
    return {"DeviceName": image.root_device_name, "NoDevice": None, "Ebs": ebs}


def _data(backend: Any, device: dict[str, Any]) -> dict[str, Any]:
    """One made from a snapshot. By the API, other than by the console, it ends with its instance unless told not to."""
    name = device.get("DeviceName") or ""
    if not _DATA_DEVICE.fullmatch(name):
        raise error("InvalidBlockDeviceMapping", f"Invalid device name {name}")
    asked = _asked(device)
    if not asked.get("SnapshotId"):
        raise unsupported(f"A second volume without a snapshot ({name})")
    snapshot = backend.snapshots.get(asked["SnapshotId"])
    if snapshot is None:
        raise error("InvalidSnapshot.NotFound", f"The snapshot '{asked['SnapshotId']}' does not exist.")
    if snapshot.status != "completed":
        raise error("IncorrectState", f"Snapshot is in invalid state - {snapshot.status}")
    ebs = {"VolumeSize": snapshot.volume_size, "DeleteOnTermination": True, **asked}
    if snapshot.encrypted:
        ebs = {"KmsKeyId": snapshot.kms_key_id, **ebs, "Encrypted": True}
    _refuse_smaller(ebs, snapshot.volume_size)
    return {"DeviceName": name, "NoDevice": None, "Ebs": ebs}


def launch_mappings(backend: Any, image: Any, requested: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the root first, then of the others in the call's order; every value that matters is in them."""
    volumes = [d for d in requested if not d.get("VirtualName") and d.get("NoDevice") is None]
    names = [_kernel_name(d.get("DeviceName") or "") for d in volumes]
    for name in names:
        if names.count(name) > 1:
            raise error(
                "InvalidBlockDeviceMapping", f"The device '{name}' is used in more than one block-device mapping"
            )
    root = [d for d in volumes if d.get("DeviceName") == image.root_device_name]
    return [_root(image, root), *(_data(backend, d) for d in volumes if d not in root)]
