"""Images and snapshots that stand for disks.

An image here always has `lab_mapping`, the list that DescribeImages shows as block device mappings. moto's own
images have one made-up snapshot of 15 GB and no way to say anything else.
"""

import copy
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.responses import EC2Response
from moto.ec2.utils import random_ami_id

import effects
from patches.errors import error, unsupported
from patches.keys import key_of_copy
from patches.patching import replace
from patches.sharing import modifiable, modify_launch_permission


def frozen(volume: Any) -> Any:
    """A snapshot remembers its volume as it was; later growth, attachment and deletion must not show."""
    still = copy.copy(volume)
    still.attachment = None
    still.modifications = []
    return still


def disk_of(snapshot: Any) -> str:
    """The lab's name for the snapshot's disk; base images of several regions share one."""
    return str(getattr(snapshot, "lab_disk", None) or snapshot.id)


_moto_mapping: Any = Ami.block_device_mappings


def _mapping_of(self: Any) -> Any:
    own = self.__dict__.get("lab_mapping")
    return own if own is not None else _moto_mapping.fget(self)


def make_image(
    backend: Any,
    *,
    name: str,
    description: str | None,
    root_device: str,
    snapshot: Any,
    ebs: dict[str, Any],
    **more: Any,
) -> Any:
    """A record of an image over one existing snapshot."""
    owner = more.get("owner_id") or backend.account_id
    if any(image.name == name and image.owner_id == owner for image in backend.amis.values()):
        raise error("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by AMI in your account.")
    image: Any = Ami(
        backend,
        more.pop("ami_id", None) or random_ami_id(),
        name=name,
        description=description,
        root_device_name=root_device,
        root_device_type="ebs",
        virtualization_type="hvm",
        architecture=more.pop("architecture", "x86_64"),
        hypervisor="xen",
        region_name=f"{backend.region_name}a",
        owner_id=more.pop("owner_id", None),
        public=more.pop("public", False),
        creation_date=more.pop("creation_date", None),
        boot_mode=more.pop("boot_mode", "uefi-preferred"),
    )
    # The snapshot that moto made up for it.
    backend.snapshots.pop(image.ebs_snapshot.id, None)
    image.ebs_snapshot = snapshot
    image.image_location = f"{image.owner_id}/{name}"
    image.ena_support = True
    image.platform_details = "Linux/UNIX"
    image.usage_operation = "RunInstances"
    image.source_image_id = more.pop("source_image_id", None)
    image.source_image_region = more.pop("source_image_region", None)
    image.imds_support = more.pop("imds_support", None)
    image.state = more.pop("state", "available")
    image.lab_mapping = [
        {
            "DeviceName": root_device,
            "Ebs": {
                "DeleteOnTermination": ebs.get("DeleteOnTermination", True),
                "Encrypted": snapshot.encrypted,
                "SnapshotId": snapshot.id,
                "VolumeSize": int(ebs.get("VolumeSize") or snapshot.volume_size),
                "VolumeType": ebs.get("VolumeType") or "gp3",
                **({"Iops": ebs["Iops"]} if ebs.get("Iops") else {}),
                **({"Throughput": ebs["Throughput"]} if ebs.get("Throughput") else {}),
            },
        }
    ]
    backend.amis[image.id] = image
    return image


def _tags_of(call: Any) -> dict[str, dict[str, str]]:
    return call._parse_tag_specification() if call._get_param("TagSpecifications") else {}


def _root_settings(instance: Any, device: Any, volume: Any, mappings: list[dict[str, Any]]) -> dict[str, Any]:
    """The image's root volume: as the instance's, overlaid with what the call asks for."""
    requested = [d for d in mappings if d.get("NoDevice") is None and not d.get("VirtualName")]
    left_out = {d["DeviceName"] for d in mappings if d.get("NoDevice") is not None}
    wanted = {d["DeviceName"] for d in requested} | (set(instance.block_device_mapping) - left_out)
    more = sorted(wanted - {instance.root_device_name})
    if more:
        raise unsupported(f"An image of more than the root volume ({', '.join(more)}), unless NoDevice leaves it out")
    ebs = {"DeleteOnTermination": device.delete_on_termination, "VolumeType": volume.volume_type}
    if volume.volume_type == "gp3":
        ebs |= {"Iops": volume.iops, "Throughput": volume.throughput}
    for d in requested:
        asked = d.get("Ebs") or {}
        ebs |= {key: asked[key] for key in ("DeleteOnTermination", "VolumeType", "Iops", "Throughput") if key in asked}
    return ebs


def create_image(self: Any) -> ActionResult:
    """CreateImage. The source may be stopped, or running when it may be rebooted for it."""
    self.error_on_dryrun()
    backend = self.ec2_backend
    instance = backend.get_instance(self._get_param("InstanceId"))
    state = instance._state.name
    if state not in ("running", "stopped"):
        raise error(
            "IncorrectState",
            f"Instance '{instance.id}' is {state}; an image can be made of a running or a stopped one.",
        )
    if state == "running" and self._get_param("NoReboot", False):
        raise unsupported("CreateImage with NoReboot of a running instance")
    device = instance.block_device_mapping[instance.root_device_name]
    volume = backend.get_volume(device.volume_id)
    ebs = _root_settings(instance, device, volume, self._get_param("BlockDeviceMappings", []))
    tags = _tags_of(self)
    source = backend.amis.get(instance.image_id)

    snapshot = EBSBackend.create_snapshot(backend, volume.id, "")
    snapshot.volume = frozen(volume)
    snapshot.kms_key_id = volume.kms_key_id if volume.encrypted else None
    snapshot.status = "pending"
    try:
        image = make_image(
            backend,
            name=self._get_param("Name"),
            description=self._get_param("Description", ""),
            root_device=instance.root_device_name,
            snapshot=snapshot,
            ebs=ebs,
            state="pending",
            architecture=instance.architecture,
            imds_support=getattr(source, "imds_support", None),
            source_image_id=instance.image_id,
            source_image_region=backend.region_name,
        )
    except Exception:
        backend.snapshots.pop(snapshot.id, None)
        raise
    image.instance_id = instance.id
    snapshot.description = f"Created by CreateImage({instance.id}) for {image.id}"
    snapshot.from_ami = image.id
    image.add_tags(tags.get("image", {}))
    snapshot.add_tags(tags.get("snapshot", {}))
    effects.note(
        "image.create",
        backend,
        imageId=image.id,
        instanceId=instance.id,
        snapshotId=snapshot.id,
        volumeId=volume.id,
        wasRunning=state == "running",
    )
    return ActionResult({"ImageId": image.id})


def _copied(call: Any, source: Any, description: str) -> tuple[Any, str]:
    """The record of a copy in the call's region, and why the copy will fail (empty: it will not)."""
    backend = call.ec2_backend
    is_asked = bool(call._get_param("Encrypted", False))
    key, failure = key_of_copy(backend, source, is_asked, call._get_param("KmsKeyId"))
    snapshot = EBSBackend.copy_snapshot(backend, source.id, source.ec2_backend.region_name, description, key)
    snapshot.volume = frozen(source.volume)
    snapshot.encrypted = key is not None
    snapshot.status = "pending"
    return snapshot, failure


def copy_image(self: Any) -> ActionResult:
    self.error_on_dryrun()
    backend = self.ec2_backend
    region = self._get_param("SourceRegion")
    source_id = self._get_param("SourceImageId")
    origin = ec2_backends[backend.account_id][region]
    source = known_image(origin, source_id)
    if source.state != "available":
        raise error("InvalidAMIID.Unavailable", f"The image ID '{source_id}' is in state {source.state}")
    if getattr(source, "lab_mapping", None) is None:
        raise unsupported(f"Copying {source_id}, an image without a disk in the lab")
    root = source.lab_mapping[0]
    tags = _tags_of(self)
    snapshot, failure = _copied(
        self,
        origin.get_snapshot(root["Ebs"]["SnapshotId"]),
        f"Copied for DestinationAmi from SourceAmi {source_id} for SourceSnapshot {root['Ebs']['SnapshotId']}.",
    )
    try:
        image = make_image(
            backend,
            name=self._get_param("Name"),
            description=self._get_param("Description") or source.description,
            root_device=source.root_device_name,
            snapshot=snapshot,
            ebs=root["Ebs"],
            state="pending",
            architecture=source.architecture,
            imds_support=getattr(source, "imds_support", None),
            source_image_id=source_id,
            source_image_region=region,
        )
    except Exception:
        backend.snapshots.pop(snapshot.id, None)
        raise
    snapshot.from_ami = image.id
    if self._get_param("CopyImageTags", False):
        image.add_tags({tag["key"]: tag["value"] for tag in source.get_tags() if not tag["key"].startswith("aws:")})
    image.add_tags(tags.get("image", {}))
    snapshot.add_tags(tags.get("snapshot", {}))
    source_disk = disk_of(origin.get_snapshot(root["Ebs"]["SnapshotId"]))
    effects.note(
        "image.copy", backend, imageId=image.id, snapshotId=snapshot.id, sourceDisk=source_disk, failure=failure
    )
    return ActionResult({"ImageId": image.id})


def register_image(self: Any) -> ActionResult:
    self.error_on_dryrun()
    backend = self.ec2_backend
    root_device = self._get_param("RootDeviceName")
    devices = [d for d in self._get_param("BlockDeviceMappings", []) if d.get("Ebs")]
    if self._get_param("ImageLocation") or len(devices) != 1 or devices[0].get("DeviceName") != root_device:
        raise unsupported("RegisterImage with anything but one root snapshot")
    ebs = devices[0]["Ebs"]
    snapshot = backend.get_snapshot(ebs.get("SnapshotId"))
    if snapshot.status != "completed":
        raise error("IncorrectState", f"Snapshot '{snapshot.id}' is {snapshot.status}")
    image = make_image(
        backend,
        name=self._get_param("Name"),
        description=self._get_param("Description", ""),
        root_device=root_device,
        snapshot=snapshot,
        ebs=ebs,
        architecture=self._get_param("Architecture", "x86_64"),
        imds_support=self._get_param("ImdsSupport"),
        boot_mode=self._get_param("BootMode", "legacy-bios"),
    )
    image.add_tags(_tags_of(self).get("image", {}))
    return ActionResult({"ImageId": image.id})


def known_image(backend: Any, image_id: str) -> Any:
    image = backend.amis.get(image_id)
    if image is None:
        raise error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    return image


def modify_image_attribute(self: Any) -> Any:
    attribute = self._get_param("Attribute")
    imds = self._get_param("ImdsSupport.Value") or (self._get_param("Value") if attribute == "imdsSupport" else None)
    description = self._get_param("Description.Value") if attribute != "description" else self._get_param("Value")
    if imds is None and description is None:
        return modify_launch_permission(self)
    self.error_on_dryrun()
    image = modifiable(self.ec2_backend, self._get_param("ImageId"))
    if imds is not None:
        if imds != "v2.0":
            raise error("InvalidParameterValue", f"Value ({imds}) for parameter imdsSupport is invalid.")
        image.imds_support = imds
    if description is not None:
        image.description = description
    return EmptyResult()


_moto_describe_attribute = EC2Response.describe_image_attribute


def describe_image_attribute(self: Any) -> Any:
    attribute = self._get_param("Attribute")
    image = known_image(self.ec2_backend, self._get_param("ImageId"))
    if attribute == "imdsSupport":
        support = {"Value": image.imds_support} if image.imds_support else {}
        return ActionResult({"ImageId": image.id, "ImdsSupport": support})
    if attribute == "description":
        return ActionResult({"ImageId": image.id, "Description": {"Value": image.description}})
    if attribute == "launchPermission":
        return ActionResult({"ImageId": image.id, "LaunchPermissions": image.launch_permissions})
    return _moto_describe_attribute(self)


def create_snapshot(self: Any) -> Any:
    backend = self.ec2_backend
    volume = backend.get_volume(self._get_param("VolumeId"))
    instance = volume.attachment.instance if volume.attachment else None
    if instance is not None and instance._state.name != "stopped":
        raise unsupported("CreateSnapshot of a volume whose instance is not stopped")
    result = _moto_create_snapshot(self)
    snapshot = result.result
    snapshot.volume = frozen(volume)
    snapshot.kms_key_id = volume.kms_key_id if volume.encrypted else None
    snapshot.status = "pending"
    effects.note("snapshot.create", backend, snapshotId=snapshot.id, volumeId=volume.id)
    return result


def copy_snapshot(self: Any) -> Any:
    self.error_on_dryrun()
    backend = self.ec2_backend
    origin = ec2_backends[backend.account_id][self._get_param("SourceRegion")]
    source = origin.describe_snapshots(snapshot_ids=[self._get_param("SourceSnapshotId")])[0]
    snapshot, failure = _copied(self, source, self._get_param("Description") or "")
    snapshot.add_tags(_tags_of(self).get("snapshot", {}))
    effects.note("snapshot.copy", backend, snapshotId=snapshot.id, sourceDisk=disk_of(source), failure=failure)
    return ActionResult({"SnapshotId": snapshot.id, "Tags": snapshot.tag_set})


_moto_delete_snapshot = EBSBackend.delete_snapshot
_moto_create_snapshot: Any = EC2Response.create_snapshot


def delete_snapshot(self: Any, snapshot_id: str) -> Any:
    snapshot = self.get_snapshot(snapshot_id)
    for image in self.amis.values():
        if any(device["Ebs"].get("SnapshotId") == snapshot_id for device in image.block_device_mappings):
            raise error("InvalidSnapshot.InUse", f"The snapshot {snapshot_id} is currently in use by {image.id}")
    snapshot.from_ami = None
    _moto_delete_snapshot(self, snapshot_id)
    if getattr(snapshot, "lab_disk", None) is None:
        effects.note("snapshot.delete", self, snapshotId=snapshot_id)
    return snapshot


_moto_describe_snapshots: Any = EC2Response.describe_snapshots


def describe_snapshots(self: Any) -> Any:
    result = _moto_describe_snapshots(self)
    owners = [self.ec2_backend.account_id if owner == "self" else owner for owner in self._get_param("OwnerIds", [])]
    if owners:
        result.result["Snapshots"] = [
            snapshot for snapshot in result.result["Snapshots"] if snapshot.owner_id in owners
        ]
    return result


def install() -> None:
    replace(Ami, block_device_mappings=property(_mapping_of))
    replace(EBSBackend, delete_snapshot=delete_snapshot)
    replace(
        EC2Response,
        create_image=create_image,
        copy_image=copy_image,
        register_image=register_image,
        modify_image_attribute=modify_image_attribute,
        describe_image_attribute=describe_image_attribute,
        create_snapshot=create_snapshot,
        copy_snapshot=copy_snapshot,
        describe_snapshots=describe_snapshots,
    )
