"""The daemon's own way to moto's records: facts for a machine, and the ends of transitions that a call began."""

import re
from collections.abc import Callable
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.iam.models import iam_backends

from patches.groups import ingress_of
from patches.images import disk_of
from patches.instances import finish_termination, set_state
from patches.tags import are_shown
from patches.types import gpus_of
from seeds import base_image, seed
from validation import refusal

ACCOUNT = "123456789012"
# What an instance runs on, with the next start: QEMU when its value is qemu.
MACHINE_TAG = "ecs-host:machine"
LIVE = ("pending", "running", "shutting-down", "stopping", "stopped")


def backend_of(region: str) -> Any:
    return ec2_backends[ACCOUNT][region]


def _all_backends() -> list[Any]:
    return list(ec2_backends[ACCOUNT].values())


def _groups(instance: Any) -> list[dict[str, Any]]:
    return [{"id": group.id, "name": group.name, "ingress": ingress_of(group)} for group in instance.nics[0].group_set]


def _profile(instance: Any) -> dict[str, str] | None:
    arn = (instance.iam_instance_profile or {}).get("Arn")
    if not arn:
        return None
    for profile in iam_backends[ACCOUNT]["aws"].instance_profiles.values():
        if profile.arn == arn:
            roles = list(profile.roles)
            return {"arn": arn, "name": profile.name, "roleName": roles[0].name if roles else ""}
    return None


def _volume(backend: Any, device: Any) -> dict[str, Any]:
    volume = backend.get_volume(device.volume_id)
    snapshot = backend.snapshots.get(volume.snapshot_id)
    return {
        "id": volume.id,
        "sizeGiB": int(volume.size),
        "sourceDisk": disk_of(snapshot) if snapshot else (volume.snapshot_id or ""),
    }


def instance_facts(region: str, instance_id: str) -> dict[str, Any]:
    """Everything that the lab's machine needs to know about one instance."""
    backend = backend_of(region)
    instance = backend.get_instance(instance_id)
    root = instance.block_device_mapping.get(instance.root_device_name)
    key = backend.key_pairs.get(instance.key_name) if instance.key_name else None
    user_data = str(instance.user_data) if instance.user_data else None
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    return {
        "instanceId": instance.id,
        "state": instance._state.name,
        "region": region,
        "availabilityZone": instance.availability_zone,
        "accountId": ACCOUNT,
        "imageId": instance.image_id,
        "instanceType": instance.instance_type,
        "machine": "qemu" if tags.get(MACHINE_TAG) == "qemu" else "nspawn",
        "gpus": gpus_of(instance.instance_type),
        "shutdownBehavior": instance.instance_initiated_shutdown_behavior,
        "rootVolume": _volume(backend, root) if root else None,
        "dataVolumes": [
            {**_volume(backend, device), "deviceName": name}
            for name, device in instance.get_block_device_mapping
            if name != instance.root_device_name
        ],
        "vpcId": instance.vpc_id,
        "subnetId": instance.subnet_id,
        "keyPair": {"name": key.key_name, "publicKey": key.public_key.strip()} if key else None,
        "userData": user_data,
        "instanceProfile": _profile(instance),
        "httpTokens": instance.metadata_options.http_tokens,
        "httpPutResponseHopLimit": instance.metadata_options.http_put_response_hop_limit,
        "securityGroups": _groups(instance),
    }


def metadata_tags(region: str, instance_id: str) -> dict[str, Any]:
    """What the instance sees of its tags in its own metadata; None when it asked for nothing of the kind."""
    instance = backend_of(region).get_instance(instance_id)
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    return {"tags": tags if are_shown(instance) else None}


def set_address(region: str, instance_id: str, address: str, mac_address: str) -> None:
    instance = backend_of(region).get_instance(instance_id)
    interface = instance.nics[0]
    for entry in interface.private_ip_addresses:
        interface.subnet.del_subnet_ip(entry["PrivateIpAddress"])
    interface.lab_address = True
    interface.private_ip_address = address
    interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]
    interface.mac_address = mac_address


def set_instance_state(
    region: str, instance_id: str, state: str, message: str = "", code: str = "", expected: str | None = None
) -> dict[str, Any]:
    """The machine reached a state; with `expected`, only when no call has begun another transition meanwhile.

    The one address is shown as public only while the machine runs, as on EC2.
    """
    instance = backend_of(region).get_instance(instance_id)
    removed: list[str] = []
    if expected is not None and instance._state.name != expected:
        return {"removedVolumes": []}
    if state == "terminated":
        removed = finish_termination(instance, message, code)
    else:
        set_state(instance, state, message, code)
        interface = instance.nics[0]
        interface.public_ip = interface.private_ip_address if state == "running" else None
    return {"removedVolumes": removed}


def set_image_state(region: str, image_id: str, state: str, message: str = "") -> None:
    backend = backend_of(region)
    image = backend.amis.get(image_id)
    if image is None:
        return
    image.state = state
    image.state_reason = {"Code": "Client.InternalError", "Message": message} if message else None
    for device in image.block_device_mappings:
        snapshot = backend.snapshots.get(device["Ebs"]["SnapshotId"])
        if snapshot is not None:
            snapshot.status = {"available": "completed", "failed": "error"}.get(state, snapshot.status)
            snapshot.state_message = message or None


def set_snapshot_state(region: str, snapshot_id: str, state: str, message: str = "") -> None:
    snapshot = backend_of(region).snapshots.get(snapshot_id)
    if snapshot is not None:
        snapshot.status = state
        snapshot.state_message = message or None


def snapshot_facts(region: str, snapshot_id: str) -> dict[str, Any] | None:
    """None when there is no such snapshot."""
    snapshot = backend_of(region).snapshots.get(snapshot_id)
    if snapshot is None:
        return None
    return {"disk": disk_of(snapshot), "state": snapshot.status, "sizeGiB": int(snapshot.volume_size)}


def live_instances() -> list[dict[str, Any]]:
    """Every instance that is not terminated, with its packet filter."""
    return [
        {
            "instanceId": instance.id,
            "region": backend.region_name,
            "state": instance._state.name,
            "securityGroups": _groups(instance),
            "address": instance.private_ip_address,
            "imageId": instance.image_id,
            "instanceType": instance.instance_type,
        }
        for backend in _all_backends()
        for instance in backend.all_instances()
        if instance._state.name in LIVE
    ]


def inventory() -> dict[str, Any]:
    """Disks that the records stand for, and counts for `lab status`."""
    volumes, snapshots = set(), set()
    images = []
    for backend in _all_backends():
        volumes |= set(backend.volumes)
        snapshots |= {disk_of(snapshot) for snapshot in backend.snapshots.values()}
        images += [
            {
                "imageId": image.id,
                "region": backend.region_name,
                "name": image.name,
                "state": image.state,
                "ownerId": image.owner_id,
            }
            for image in backend.amis.values()
        ]
    return {"volumes": sorted(volumes), "snapshots": sorted(snapshots), "images": images}


def _end_instances(backend: Any) -> list[str]:
    """No machine survived. Terminated instances are shown for a while on EC2; here until the next start but one."""
    ended = []
    for instance in backend.all_instances():
        if instance._state.name in LIVE:
            finish_termination(instance, "The lab was stopped", "Server.LabDown")
            ended.append(instance.id)
    for reservation_id, reservation in list(backend.reservations.items()):
        reservation.instances = [i for i in reservation.instances if i.id in ended or i._state.name != "terminated"]
        if not reservation.instances:
            backend.reservations.pop(reservation_id)
    backend.__dict__.pop("lab_client_tokens", None)
    return ended


def _fail_copies(backend: Any) -> list[str]:
    """No copy is still going on."""
    failed = []
    for image in list(backend.amis.values()):
        if image.state == "pending":
            reason = "The lab was stopped while the image was being made"
            set_image_state(backend.region_name, image.id, "failed", reason)
            failed.append(image.id)
    for snapshot in list(backend.snapshots.values()):
        if snapshot.status == "pending":
            snapshot.status = "error"
            failed.append(snapshot.id)
    return failed


def _empty_clusters() -> None:
    for backend in ecs_backends[ACCOUNT].values():
        backend.container_instances.clear()
        backend.tasks.clear()
        for cluster in backend.clusters.values():
            cluster.registered_container_instances_count = 0
            cluster.running_tasks_count = 0
            cluster.pending_tasks_count = 0


def reconcile() -> dict[str, Any]:
    """After a start, nothing of what the records say is going on goes on."""
    ended, failed = [], []
    for backend in _all_backends():
        ended += _end_instances(backend)
        failed += _fail_copies(backend)
    _empty_clusters()
    return {"ended": ended, "failed": failed}


def zone_of_subnet(region: str, subnet_id: str) -> dict[str, str]:
    """Empty for a subnet that is not there: the call that names it is refused anyway."""
    for subnets in backend_of(region).subnets.values():
        if subnet_id in subnets:
            return {"zone": str(subnets[subnet_id].availability_zone)}
    return {"zone": ""}


VERBS: dict[str, Callable[..., Any]] = {
    "instance-facts": instance_facts,
    "metadata-tags": metadata_tags,
    "set-address": set_address,
    "set-instance-state": set_instance_state,
    "set-image-state": set_image_state,
    "set-snapshot-state": set_snapshot_state,
    "snapshot-facts": snapshot_facts,
    "live-instances": live_instances,
    "inventory": inventory,
    "reconcile": reconcile,
    "base-image": base_image,
    "seed": seed,
    "refusal": refusal,
    "zone-of-subnet": zone_of_subnet,
}


def call(verb: str, arguments: dict[str, Any]) -> Any:
    """The daemon speaks JSON in camelCase; here names are Python's."""
    named = {re.sub(r"[A-Z]", lambda upper: f"_{upper[0].lower()}", name): each for name, each in arguments.items()}
    return VERBS[verb](**named)


READS = (
    "instance-facts",
    "metadata-tags",
    "snapshot-facts",
    "live-instances",
    "inventory",
    "refusal",
    "zone-of-subnet",
)
