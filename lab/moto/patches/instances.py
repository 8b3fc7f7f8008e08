"""Instances whose states follow real machines.

moto jumps straight to `running`, `stopped` and `terminated`. Here a call only begins the transition and notes the
effect; the daemon reports the end of it through control.py.
"""

import copy
import hashlib
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.exceptions import InvalidSecurityGroupNotFoundError
from moto.ec2.models import EC2Backend
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance, InstanceBackend, MetadataOptions, StateReason
from moto.ec2.responses import EC2Response

import effects
from patches.devices import launch_mappings
from patches.errors import error, unsupported
from patches.patching import replace
from patches.tags import are_shown, refuse_unfit

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

_moto_run = InstanceBackend.run_instances
_moto_terminate = Instance.terminate


def set_state(instance: Instance, name: str, message: str = "", code: str = "") -> None:
    instance._state.name = name
    instance._state.code = CODES[name]
    instance._reason = f"{message} ({utcnow():%Y-%m-%d %H:%M:%S} GMT)" if message else ""
    instance.state_reason = StateReason(message, code)


def _check_network(self: Any, kwargs: dict[str, Any]) -> None:
    nics = kwargs.get("nics") or []
    if len(nics) > 1 or any(nic.get("NetworkInterfaceId") for nic in nics):
        raise unsupported("More than one network interface, or an existing one")
    if kwargs.get("private_ip") or any(nic.get("PrivateIpAddress") for nic in nics):
        raise unsupported("A chosen private address")
    for nic in nics:
        for group_id in nic.get("Groups") or []:
            if self.get_security_group_from_id(group_id) is None:
                raise InvalidSecurityGroupNotFoundError(group_id)


NO_TOKEN = "ABCDE"
"""What moto puts in when the caller sent no client token."""


def _known_reservation(self: Any, token: str | None, fingerprint: str, known: dict[str, tuple[str, str]]) -> Any:
    """What an earlier call with the same token made, or None."""
    if not token or token == NO_TOKEN or token not in known:
        return None
    reservation_id, earlier = known[token]
    if earlier != fingerprint:
        raise error(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s) "
            f"for client token {token}",
        )
    return self.reservations.get(reservation_id)


def _image_to_run(self: Any, image_id: str) -> Any:
    image = self.describe_images(ami_ids=[image_id] if image_id else None)[0] if image_id else None
    if image is None or image_id in self.deleted_amis:
        raise error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    if image.state != "available":
        raise error("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is in state {image.state}")
    if getattr(image, "lab_mapping", None) is None:
        raise unsupported(f"Running {image_id}, an image without a disk in the lab")
    return image


def _finish_launch(self: Any, instance: Any, mappings: list[dict[str, Any]], interface_tags: dict[str, str]) -> None:
    """What moto leaves otherwise than EC2, and the note that has the machine made."""
    set_state(instance, "pending")
    interface = instance.nics[0]
    interface.add_tags(interface_tags)
    interface.delete_on_termination = True
    interface.public_ip_auto_assign = False
    interface.public_ip = None
    groups = list({group.id: group for group in [*interface.group_set]}.values())
    instance.security_groups = groups
    interface._group_set = groups
    settings = {mapping["DeviceName"]: mapping["Ebs"] for mapping in mappings}
    for name, device in instance.get_block_device_mapping:
        ebs = settings[name]
        volume = self.get_volume(device.volume_id)
        volume.throughput = ebs.get("Throughput", 125 if volume.volume_type == "gp3" else None)
        volume.iops = ebs.get("Iops", volume.iops)
    effects.note("instance.launch", self, instanceId=instance.id, placeholderAddress=interface.private_ip_address)


def run_instances(
    self: Any, image_id: str, count: int, user_data: Any, security_group_names: list[str], **kwargs: Any
) -> Any:
    token = kwargs.get("client_token")
    asked = (image_id, count, str(user_data), security_group_names, sorted(kwargs.items(), key=lambda kv: kv[0]))
    fingerprint = hashlib.sha256(repr(asked).encode()).hexdigest()
    known = self.__dict__.setdefault("lab_client_tokens", {})
    earlier = _known_reservation(self, token, fingerprint, known)
    if earlier is not None:
        return earlier

    image = _image_to_run(self, image_id)
    wanted = kwargs.get("instance_type")
    if wanted not in INSTANCE_TYPES:
        raise error("InvalidParameterValue", f"Invalid value '{wanted}' for InstanceType.")
    _check_network(self, kwargs)
    mappings = launch_mappings(self, image, kwargs.get("block_device_mappings") or [])
    kwargs["block_device_mappings"] = mappings
    options = dict(kwargs.get("metadata_options") or {})
    if getattr(image, "imds_support", None) == "v2.0":
        options = {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, **options}
    kwargs["metadata_options"] = options
    if options.get("InstanceMetadataTags") == "enabled":
        refuse_unfit((kwargs.get("tags") or {}).get("instance", {}))
    interface_tags = (kwargs.get("tags") or {}).get("network-interface", {})

    reservation = _moto_run(self, image_id, count, user_data, security_group_names, **kwargs)
    if token and token != NO_TOKEN:
        known[token] = (reservation.id, fingerprint)
    for instance in reservation.instances:
        _finish_launch(self, instance, mappings, interface_tags)
    profile = {key: kwargs[key] for key in ("iam_instance_profile_name", "iam_instance_profile_arn") if kwargs.get(key)}
    if profile:
        # moto gives it to the first instance only.
        for instance in reservation.instances[1:]:
            self.associate_iam_instance_profile(instance_id=instance.id, **profile)
    return reservation


def _refuse_unless(instance: Instance, verb: str, *allowed: str) -> None:
    if instance._state.name not in allowed:
        raise error(
            "IncorrectInstanceState",
            f"The instance '{instance.id}' is in state '{instance._state.name}', from which it cannot be {verb}.",
        )


def start(self: Instance) -> Any:
    previous = copy.copy(self._state)
    _refuse_unless(self, "started", "stopped", "running", "pending")
    if self._state.name == "stopped":
        set_state(self, "pending")
        effects.note("instance.start", self.ec2_backend, instanceId=self.id)
    return previous


def stop(self: Instance, force: bool = False) -> Any:
    previous = copy.copy(self._state)
    _refuse_unless(self, "stopped", "running", "pending", "stopping", "stopped")
    if self._state.name in ("running", "pending"):
        set_state(self, "stopping", "User initiated", "Client.UserInitiatedShutdown")
        effects.note("instance.stop", self.ec2_backend, instanceId=self.id, force=force)
    return previous


def reboot(self: Instance) -> None:
    _refuse_unless(self, "rebooted", "running", "pending")
    effects.note("instance.reboot", self.ec2_backend, instanceId=self.id)


def terminate(self: Instance) -> Any:
    previous = copy.copy(self._state)
    if self._state.name not in ("terminated", "shutting-down"):
        set_state(self, "shutting-down", "User initiated", "Client.UserInitiatedShutdown")
        effects.note("instance.terminate", self.ec2_backend, instanceId=self.id)
    return previous


def finish_termination(instance: Instance, message: str, code: str) -> list[str]:
    """moto's own bookkeeping, once the machine is gone; returns the volumes that went with it."""
    backend = instance.ec2_backend
    attached = {device.volume_id for _, device in instance.get_block_device_mapping}
    if instance._state.name != "terminated":
        _moto_terminate(instance)
    set_state(instance, "terminated", message, code)
    return sorted(volume for volume in attached if volume not in backend.volumes)


_moto_stop_instances = EC2Response.stop_instances


def stop_instances(self: Any) -> Any:
    result = _moto_stop_instances(self)
    if self._get_param("Force", False):
        for effect in effects._noted:
            if effect["kind"] == "instance.stop":
                effect["force"] = True
    return result


def modify_instance_security_groups(self: Any, instance_id: str, new_group_id_list: list[str]) -> Any:
    instance = self.get_instance(instance_id)
    groups = []
    for group_id in new_group_id_list:
        group = self.get_security_group_from_id(group_id)
        if group is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
        groups.append(group)
    if not groups:
        raise error("MissingParameter", "The request must contain at least one group.")
    instance.security_groups = groups
    instance.nics[0]._group_set = groups
    effects.note("ingress.changed", self)
    return instance


_moto_modify_attribute = InstanceBackend.modify_instance_attribute
NEED_STOPPED = ("instance_type", "user_data", "kernel", "ramdisk")


def modify_instance_attribute(self: Any, instance_id: str, key: str, value: Any) -> Any:
    instance = self.get_instance(instance_id)
    if key in NEED_STOPPED:
        _refuse_unless(instance, f"modified ({key})", "stopped")
    if key == "iam_instance_profile" and value is not None and instance._state.name not in ("pending", "stopped"):
        raise unsupported("Changing the instance profile of a running instance")
    return _moto_modify_attribute(self, instance_id, key, value)


_moto_modify_metadata = InstanceBackend.modify_instance_metadata_options


def modify_instance_metadata_options(self: Any, instance_id: str, **options: Any) -> Any:
    instance = self.get_instance(instance_id)
    current: MetadataOptions = instance.metadata_options
    before = {
        "http_tokens": current.http_tokens,
        "hop_limit": current.http_put_response_hop_limit,
        "http_endpoint": current.http_endpoint,
        "http_protocol": current.http_protocol_ipv6,
        "metadata_tags": current.instance_metadata_tags,
    }
    merged = {name: options.get(name) or value for name, value in before.items()}
    # Tags are asked for with each question; all else a machine has from its start.
    changed = [name for name in before if name != "metadata_tags" and merged[name] != before[name]]
    if changed and instance._state.name != "stopped":
        raise unsupported("ModifyInstanceMetadataOptions (but for tags) on an instance that is not stopped")
    if merged["metadata_tags"] == "enabled" and not are_shown(instance):
        refuse_unfit(tag["key"] for tag in instance.get_tags())
    return _moto_modify_metadata(self, instance_id, **merged)


def _parse_block_device_mapping(self: Any) -> list[dict[str, Any]]:
    """moto turns what was left out into False or None, which hides the image's own values."""
    return copy.deepcopy(list(self._get_param("BlockDeviceMappings", [])))


def install() -> None:
    # A base of EC2Backend, where the methods are looked up.
    replace(
        InstanceBackend,
        run_instances=run_instances,
        modify_instance_security_groups=modify_instance_security_groups,
        modify_instance_attribute=modify_instance_attribute,
        modify_instance_metadata_options=modify_instance_metadata_options,
    )
    replace(Instance, start=start, stop=stop, reboot=reboot, terminate=terminate)
    replace(EC2Response, stop_instances=stop_instances, _parse_block_device_mapping=_parse_block_device_mapping)
    if EC2Backend.run_instances is not run_instances:
        raise RuntimeError("moto's EC2Backend has a run_instances of its own")
