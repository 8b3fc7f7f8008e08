"""What a fresh account in the lab already has. Everything is looked up first, so that seeding twice changes nothing."""

import json
from datetime import datetime
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


def _base_image(region: str, base: dict[str, Any]) -> str:
    backend = ec2_backends[ACCOUNT][region]
    for image in backend.amis.values():
        if getattr(image.ebs_snapshot, "lab_disk", None) == base["disk"]:
            return str(image.id)
    # Another recipe of the same day gets the next number.
    earlier = len([image for image in backend.amis.values() if (image.name or "").startswith(base["namePrefix"])])
    volume = EBSBackend.create_volume(backend, size=base["sizeGiB"], zone_name=f"{region}a", volume_type="gp3")
    snapshot: Any = EBSBackend.create_snapshot(backend, volume.id, base["description"], base["ownerId"])
    snapshot.volume = frozen(volume)
    snapshot.create_volume_permission_groups.add("all")
    # One disk serves the base images of all regions.
    snapshot.lab_disk = base["disk"]
    backend.volumes.pop(volume.id)
    image = make_image(
        backend,
        ami_id=random_ami_id(),
        name=f"{base['namePrefix']}-{earlier + 1}",
        description=base["description"],
        owner_id=base["ownerId"],
        public=True,
        root_device=base["rootDeviceName"],
        snapshot=snapshot,
        ebs={"VolumeSize": base["sizeGiB"], "VolumeType": "gp3"},
        creation_date=datetime.fromisoformat(base["createdAt"].replace("Z", "+00:00")).replace(tzinfo=None),
    )
    snapshot.from_ami = image.id
    return str(image.id)


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
    parameters: list[str],
    managed_policies: list[str],
) -> dict[str, Any]:
    """`base`: the image every region offers; `groups`: security groups, each of one region, ports as {protocol,
    port, cidr}; `profile`: name, roleName, policyName, policy; `parameters`: public parameter names that hold the
    base image's id; `managed_policies`: names of AWS's own policies.
    """
    images = {}
    for region in regions:
        images[region] = _base_image(region, base)
        managed_key(ec2_backends[ACCOUNT][region])
        _internet_gateway(region)
        for name in parameters:
            _parameter(region, name, images[region])
    made = [_group(g["region"], g["name"], g["description"], g["rules"]) for g in groups]
    _managed_policies(managed_policies)
    _profile(profile["name"], profile["roleName"], profile["policyName"], profile["policy"])
    return {"images": images, "groups": made}
