"""What a fresh account in the lab already has. Everything is looked up first, so that seeding twice changes nothing."""

import json
from datetime import datetime
from itertools import chain, count
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.elastic_block_store import EBSBackend
from moto.ec2.utils import random_ami_id
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, iam_backends
from moto.ssm.models import Parameter, ssm_backends

from patches.images import frozen, make_image
from patches.keys import managed_key

ACCOUNT = "123456789012"


def _free_name(backend: Any, base: dict[str, Any]) -> str:
    """Another image of the same serial gets the next number, as its publisher counts them."""
    taken = {image.name for image in backend.amis.values()}
    stem, separator = f"{base['namePrefix']}{base['serial']}", base["numbering"]["separator"]
    numbered = (f"{stem}{separator}{number}" for number in count(1))
    names = numbered if base["numbering"]["isFirstNumbered"] else chain([stem], numbered)
    return next(name for name in names if name not in taken)


def _register(backend: Any, base: dict[str, Any]) -> Any:
    region = backend.region_name
    volume_type = base["volumeType"]
    volume = EBSBackend.create_volume(backend, size=base["sizeGiB"], zone_name=f"{region}a", volume_type=volume_type)
    snapshot: Any = EBSBackend.create_snapshot(backend, volume.id, base["description"], base["ownerId"])
    snapshot.volume = frozen(volume)
    snapshot.create_volume_permission_groups.add("all")
    # One disk serves the base images of all regions.
    snapshot.lab_disk = base["disk"]
    backend.volumes.pop(volume.id)
    image = make_image(
        backend,
        ami_id=random_ami_id(),
        name=_free_name(backend, base),
        description=base["description"],
        owner_id=base["ownerId"],
        public=True,
        root_device=base["rootDeviceName"],
        snapshot=snapshot,
        ebs={"VolumeSize": base["sizeGiB"], "VolumeType": volume_type},
        creation_date=datetime.fromisoformat(base["createdAt"].replace("Z", "+00:00")).replace(tzinfo=None),
    )
    image.lab_way = base["way"]
    snapshot.from_ami = image.id
    return image


def _offer(backend: Any, base: dict[str, Any], current: Any) -> None:
    """Whoever takes the newest image of a name gets this one: those that another checkout made later, or that were made
    the other way, are disabled until they are asked for. Older ones stay, as plans may name them."""
    for image in backend.amis.values():
        if image.owner_id != base["ownerId"] or not image.name.startswith(base["namePrefix"]):
            continue
        is_later = image.creation_date > current.creation_date
        is_hidden = image is not current and (is_later or getattr(image, "lab_way", "stand-in") != base["way"])
        image.state = "disabled" if is_hidden else "available"


def base_image(regions: list[str], base: dict[str, Any]) -> dict[str, Any]:
    """Offers an image in all regions, registered when its disk is not known there yet, and its parameters.

    `base`: disk, namePrefix, serial, numbering {separator, isFirstNumbered}, description, ownerId, rootDeviceName,
    volumeType, sizeGiB, createdAt, parameters (names), way (how it was made: images of one way are offered together).
    """
    images = {}
    for region in regions:
        backend = ec2_backends[ACCOUNT][region]
        of_disk = (i for i in backend.amis.values() if getattr(i.ebs_snapshot, "lab_disk", None) == base["disk"])
        image = next(of_disk, None) or _register(backend, base)
        _offer(backend, base, image)
        for name in base["parameters"]:
            _parameter(region, name, str(image.id))
        images[region] = {"id": str(image.id), "name": str(image.name)}
    return {"images": images}


def _group(region: str, name: str, description: str, rules: list[dict[str, Any]]) -> str:
    backend = ec2_backends[ACCOUNT][region]
    vpc_id = backend.default_vpc.id
    group = backend.get_security_group_from_name(name, vpc_id)
    if group is None:
        group = backend.create_security_group(name, description, vpc_id)
        for rule in rules:
            backend.authorize_security_group_ingress(
                group.id,
                rule["protocol"],
                str(rule["port"]),
                str(rule["port"]),
                [{"CidrIp": rule["cidr"]}],
                vpc_id=vpc_id,
            )
    return group.id


def _internet_gateway(region: str) -> None:
    """Default VPCs of AWS have one; moto's have not."""
    backend = ec2_backends[ACCOUNT][region]
    vpc_id = backend.default_vpc.id
    if any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in backend.internet_gateways.values()):
        return
    gateway = backend.create_internet_gateway()
    backend.attach_internet_gateway(gateway.id, vpc_id)
    table = next(t for t in backend.route_tables.values() if t.vpc_id == vpc_id and t.main_association_id)
    backend.create_route(table.id, "0.0.0.0/0", gateway_id=gateway.id)


def _profile(name: str, role_name: str, policy_name: str, policy: dict[str, Any]) -> None:
    iam = iam_backends[ACCOUNT]["aws"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    if not any(role.name == role_name for role in iam.roles.values()):
        iam.create_role(role_name, json.dumps(trust), "/", None, "Hosts of ecs-host", [], "3600")
        iam.put_role_policy(role_name, policy_name, json.dumps(policy))
    if name not in iam.instance_profiles:
        iam.create_instance_profile(name, "/", [])
        iam.add_role_to_instance_profile(name, role_name)


def _managed_policies(names: list[str]) -> None:
    """AWS's own, of which moto would otherwise keep all or none: a thousand in every memory on disk."""
    iam = iam_backends[ACCOUNT]["aws"]
    kept = {policy.name for policy in iam.managed_policies.values()}
    missing = [name for name in names if name not in kept]
    if not missing:
        return
    data = json.loads(aws_managed_policies_data)
    for name in missing:
        policy = AWSManagedPolicy.from_data(name, ACCOUNT, "aws", data[name])
        iam.managed_policies[policy.arn] = policy


def _parameter(region: str, name: str, value: str) -> None:
    backend = ssm_backends[ACCOUNT][region]
    current = backend._parameters.get(name) if name in backend._parameters else None
    if current and current[-1].value == value:
        return
    make: Any = Parameter
    parameter = make(
        account_id=ACCOUNT,
        name=name,
        value=value,
        parameter_type="String",
        description="",
        allowed_pattern=None,
        keyid=None,
        last_modified_date=datetime.now().timestamp(),
        version=1,
        data_type="aws:ec2:image",
        labels=[],
    )
    backend._parameters[name] = [parameter]


def seed(
    regions: list[str],
    base: dict[str, Any],
    groups: list[dict[str, Any]],
    profile: dict[str, Any],
    managed_policies: list[str],
) -> dict[str, Any]:
    """`base`: the image that every region offers, as for `base_image`; `groups`: security groups, each of one region,
    ports as {protocol, port, cidr}; `profile`: name, roleName, policyName, policy; `managed_policies`: names of AWS's
    own policies.
    """
    images = {region: image["id"] for region, image in base_image(regions, base)["images"].items()}
    for region in regions:
        managed_key(ec2_backends[ACCOUNT][region])
        _internet_gateway(region)
    made = [_group(g["region"], g["name"], g["description"], g["rules"]) for g in groups]
    _managed_policies(managed_policies)
    _profile(profile["name"], profile["roleName"], profile["policyName"], profile["policy"])
    return {"images": images, "groups": made}
