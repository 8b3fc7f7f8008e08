"""Auto Scaling groups that want no instance: records that releases look at. The lab starts none for a group."""

from typing import Any

from moto.autoscaling.exceptions import AutoscalingClientError
from moto.autoscaling.models import FakeAutoScalingGroup
from moto.autoscaling.responses import AutoScalingResponse

from patches.patching import replace

_moto_create: Any = AutoScalingResponse.create_auto_scaling_group
_moto_update: Any = AutoScalingResponse.update_auto_scaling_group
_moto_set: Any = AutoScalingResponse.set_desired_capacity
_moto_group_update: Any = FakeAutoScalingGroup.update
_moto_launch_template: Any = FakeAutoScalingGroup.launch_template


def _refuse_instances(self: Any) -> None:
    for name in ("MinSize", "DesiredCapacity"):
        if (self._get_int_param(name) or 0) > 0:
            raise AutoscalingClientError(
                "UnsupportedOperation",
                f"Not supported by the lab: an Auto Scaling group with a {name} above 0; see lab/README.md.",
            )


def create_auto_scaling_group(self: Any) -> Any:
    _refuse_instances(self)
    name = self._get_param("AutoScalingGroupName")
    if name in self.autoscaling_backend.autoscaling_groups:
        raise AutoscalingClientError(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
        )
    return _moto_create(self)


def update_auto_scaling_group(self: Any) -> Any:
    _refuse_instances(self)
    return _moto_update(self)


def set_desired_capacity(self: Any) -> Any:
    _refuse_instances(self)
    return _moto_set(self)


def update(self: Any, **more: Any) -> None:
    """moto forgets the policy when a call does not name it again."""
    policy = self.mixed_instances_policy
    _moto_group_update(self, **more)
    if not any(more.get(name) for name in ("mixed_instances_policy", "launch_template", "launch_config_name")):
        self.mixed_instances_policy = policy


def _launch_template(self: Any) -> Any:
    """A group shows the template, or the policy that has it; not both."""
    return None if self.mixed_instances_policy else _moto_launch_template.fget(self)


def install() -> None:
    replace(
        AutoScalingResponse,
        create_auto_scaling_group=create_auto_scaling_group,
        update_auto_scaling_group=update_auto_scaling_group,
        set_desired_capacity=set_desired_capacity,
    )
    replace(FakeAutoScalingGroup, update=update, launch_template=property(_launch_template))
