"""The daemon's side door to moto's records: facts for a machine, and the ends of transitions that a call began."""

from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from taught.groups import ingress_of
from taught.images import disk_of
from taught.instances import finish_termination, set_state

ACCOUNT = "123456789012"
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


def instance_facts(region: str, instanceId: str) -> dict[str, Any]:
    """Everything that the lab's machine needs to know about one instance."""
    backend = backend_of(region)
    instance = backend.get_instance(instanceId)
    device = instance.block_device_mapping.get(instance.root_device_name)
    volume = backend.get_volume(device.volume_id) if device else None
    snapshot = backend.snapshots.get(volume.snapshot_id) if volume else None
    key = backend.key_pairs.get(instance.key_name) if instance.key_name else None
    user_data = str(instance.user_data) if instance.user_data else None
    return {
        "instanceId": instance.id,
        "state": instance._state.name,
        "region": region,
        "availabilityZone": instance.availability_zone,
        "accountId": ACCOUNT,
        "imageId": instance.image_id,
        "instanceType": instance.instance_type,
        "shutdownBehavior": instance.instance_initiated_shutdown_behavior,
        "rootVolume": {
            "id": volume.id,
            "sizeGiB": int(volume.size),
            "sourceDisk": disk_of(snapshot) if snapshot else (volume.snapshot_id or ""),
        }
        if volume
        else None,
        "vpcId": instance.vpc_id,
        "subnetId": instance.subnet_id,
        "keyPair": {"name": key.key_name, "publicKey": key.public_key.strip()} if key else None,
        "userData": user_data,
        "instanceProfile": _profile(instance),
        "httpTokens": instance.metadata_options.http_tokens,
        "httpPutResponseHopLimit": instance.metadata_options.http_put_response_hop_limit,
        "securityGroups": _groups(instance),
    }


def set_address(region: str, instanceId: str, address: str, macAddress: str) -> None:
    instance = backend_of(region).get_instance(instanceId)
    interface = instance.nics[0]
    for entry in interface.private_ip_addresses:
        interface.subnet.del_subnet_ip(entry["PrivateIpAddress"])
    interface.lab_address = True
    interface.private_ip_address = address
    interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]
    interface.mac_address = macAddress


def set_instance_state(
    region: str, instanceId: str, state: str, message: str = "", code: str = "", expected: str | None = None
) -> dict[str, Any]:
    """The machine reached a state; with `expected`, only when no call has begun another transition meanwhile.

    The one address is shown as public only while the machine runs, as on EC2.
    """
    instance = backend_of(region).get_instance(instanceId)
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


def set_image_state(region: str, imageId: str, state: str, message: str = "") -> None:
    backend = backend_of(region)
    image = backend.amis.get(imageId)
    if image is None:
        return
    image.state = state
    image.state_reason = {"Code": "Client.InternalError", "Message": message} if message else None
    for device in image.block_device_mappings:
        snapshot = backend.snapshots.get(device["Ebs"]["SnapshotId"])
        if snapshot is not None:
            snapshot.status = {"available": "completed", "failed": "error"}.get(state, snapshot.status)


def set_snapshot_state(region: str, snapshotId: str, state: str) -> None:
    snapshot = backend_of(region).snapshots.get(snapshotId)
    if snapshot is not None:
        snapshot.status = state


def live_instances() -> list[dict[str, Any]]:
    """Every instance that is not terminated, with its packet filter."""
    return [
        {"instanceId": instance.id, "region": backend.region_name, "state": instance._state.name, "securityGroups": _groups(instance), "address": instance.private_ip_address, "imageId": instance.image_id, "instanceType": instance.instance_type}
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
            {"imageId": image.id, "region": backend.region_name, "name": image.name, "state": image.state, "ownerId": image.owner_id}
            for image in backend.amis.values()
        ]
    return {"volumes": sorted(volumes), "snapshots": sorted(snapshots), "images": images}


def reconcile() -> dict[str, Any]:
    """After a start: no machine survived, and no copy is still going on."""
    ended, failed = [], []
    for backend in _all_backends():
        for instance in backend.all_instances():
            if instance._state.name in LIVE:
                finish_termination(instance, "The lab was stopped", "Server.LabDown")
                ended.append(instance.id)
        for image in list(backend.amis.values()):
            if image.state == "pending":
                set_image_state(backend.region_name, image.id, "failed", "The lab was stopped while the image was being made")
                failed.append(image.id)
        for snapshot in list(backend.snapshots.values()):
            if snapshot.status == "pending":
                snapshot.status = "error"
                failed.append(snapshot.id)
        # Terminated instances are shown for a while on EC2; here until the next start but one.
        for reservation_id, reservation in list(backend.reservations.items()):
            reservation.instances = [i for i in reservation.instances if i.id in ended or i._state.name != "terminated"]
            if not reservation.instances:
                backend.reservations.pop(reservation_id)
        backend.__dict__.pop("lab_client_tokens", None)
    from moto.ecs.models import ecs_backends

    for backend in ecs_backends[ACCOUNT].values():
        backend.container_instances.clear()
        backend.tasks.clear()
        for cluster in backend.clusters.values():
            cluster.registered_container_instances_count = 0
            cluster.running_tasks_count = 0
            cluster.pending_tasks_count = 0
    return {"ended": ended, "failed": failed}


def seed(**what: Any) -> Any:
    from seeds import seed as run

    return run(**what)


VERBS = {
    "instance-facts": instance_facts,
    "set-address": set_address,
    "set-instance-state": set_instance_state,
    "set-image-state": set_image_state,
    "set-snapshot-state": set_snapshot_state,
    "live-instances": live_instances,
    "inventory": inventory,
    "reconcile": reconcile,
    "seed": seed,
}
READS = ("instance-facts", "live-instances", "inventory")
