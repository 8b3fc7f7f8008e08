"""Volumes that stand for disks, outside of RunInstances."""

from typing import Any

from moto.ec2.models.elastic_block_store import VolumeAttachment
from moto.ec2.responses import EC2Response

import effects
from patches.errors import error, unsupported
from patches.images import disk_of
from patches.patching import add, replace

_moto_create: Any = EC2Response.create_volume
_moto_delete = EC2Response.delete_volume


def create_volume(self: Any) -> Any:
    snapshot_id = self._get_param("SnapshotId")
    if not snapshot_id:
        raise unsupported("CreateVolume without a snapshot")
    backend = self.ec2_backend
    snapshot = backend.get_snapshot(snapshot_id)
    if snapshot.status != "completed":
        raise error("IncorrectState", f"Snapshot '{snapshot_id}' is {snapshot.status}")
    size = self._get_param("Size")
    if size is not None and int(size) < snapshot.volume_size:
        raise error(
            "InvalidParameterValue",
            f"Volume of {size}GiB is smaller than snapshot {snapshot_id}, expect size >= {snapshot.volume_size}GiB",
        )
    result = _moto_create(self)
    volume = result.result
    if volume.encrypted and not volume.kms_key_id:
        volume.kms_key_id = snapshot.kms_key_id
    effects.note("volume.create", backend, volumeId=volume.id, sourceDisk=disk_of(snapshot), sizeGiB=int(volume.size))
    return result


def delete_volume(self: Any) -> Any:
    result = _moto_delete(self)
    effects.note("volume.delete", self.ec2_backend, volumeId=self._get_param("VolumeId"))
    return result


def _delete_on_termination(self: Any) -> bool:
    device = self.instance.block_device_mapping.get(self.device)
    return bool(device and device.delete_on_termination)


def install() -> None:
    add(VolumeAttachment, delete_on_termination=property(_delete_on_termination))
    replace(EC2Response, create_volume=create_volume, delete_volume=delete_volume)
