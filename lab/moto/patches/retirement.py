"""The end of an image's life: deprecated, disabled, protected from being deregistered, deregistered."""

from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.models.amis import Ami
from moto.ec2.responses import EC2Response

from patches.errors import error
from patches.patching import add, replace
from patches.sharing import modifiable

COOLDOWN = timedelta(hours=24)
LONGEST = timedelta(days=3653)
TIME = "%Y-%m-%dT%H:%M:%S.000Z"

_moto_describe: Any = EC2Response.describe_images
_moto_deregister: Any = EC2Response.deregister_image


def describe_images(self: Any) -> Any:
    """Leaves out what is hidden: of others what is deprecated, of one's own what is disabled."""
    result = _moto_describe(self)
    if self._get_param("ImageIds"):
        return result
    now = f"{utcnow():{TIME}}"
    account = self.ec2_backend.account_id
    with_deprecated = self._get_param("IncludeDeprecated", False)
    with_disabled = self._get_param("IncludeDisabled", False)

    def visible(image: Any) -> bool:
        is_deprecated = (getattr(image, "deprecation_time", None) or "9") < now
        if is_deprecated and image.owner_id != account and not with_deprecated:
            return False
        return bool(image.state != "disabled" or (image.owner_id == account and with_disabled))

    result.result["Images"] = [image for image in result.result["Images"] if visible(image)]
    return result


def enable_image_deprecation(self: Any) -> ActionResult:
    self.error_on_dryrun()
    image = modifiable(self.ec2_backend, self._get_param("ImageId"))
    asked = self._get_param("DeprecateAt")
    at = datetime.fromisoformat(asked.replace("Z", "+00:00")) if isinstance(asked, str) else asked
    at = at.replace(second=0, microsecond=0, tzinfo=None)
    now = utcnow()
    if at < now.replace(second=0, microsecond=0) or at > now + LONGEST:
        raise error("InvalidParameterValue", f"The deprecation date {at:{TIME}} is in the past, or in over ten years.")
    image.deprecation_time = f"{at:{TIME}}"
    return ActionResult({"Return": True})


def disable_image_deprecation(self: Any) -> ActionResult:
    self.error_on_dryrun()
    modifiable(self.ec2_backend, self._get_param("ImageId")).deprecation_time = None
    return ActionResult({"Return": True})


def _protection(self: Any) -> str:
    """As DescribeImages shows it."""
    ends = getattr(self, "lab_cooldown_ends", None)
    if ends is not None and utcnow() < ends:
        return f"disabled-after-{ends:%Y-%m-%dT%H:%M:%SZ}"
    return str(getattr(self, "lab_protection", "disabled"))


def enable_image_deregistration_protection(self: Any) -> ActionResult:
    self.error_on_dryrun()
    image = modifiable(self.ec2_backend, self._get_param("ImageId"))
    has_cooldown = self._get_param("WithCooldown", False)
    image.lab_protection = "enabled-with-cooldown" if has_cooldown else "enabled-without-cooldown"
    image.lab_cooldown_ends = None
    return ActionResult({"Return": image.lab_protection})


def disable_image_deregistration_protection(self: Any) -> ActionResult:
    self.error_on_dryrun()
    image = modifiable(self.ec2_backend, self._get_param("ImageId"))
    if getattr(image, "lab_protection", "disabled") == "enabled-with-cooldown":
        image.lab_cooldown_ends = utcnow() + COOLDOWN
    image.lab_protection = "disabled"
    return ActionResult({"Return": image.deregistration_protection})


def disable_image(self: Any) -> ActionResult:
    self.error_on_dryrun()
    image = modifiable(self.ec2_backend, self._get_param("ImageId"))
    if image.state not in ("available", "disabled"):
        raise error("InvalidAMIID.Unavailable", f"The image ID '{image.id}' is in state {image.state}")
    image.state = "disabled"
    # EC2 does not give them back when the image is enabled again.
    image.launch_permissions = []
    return ActionResult({"Return": True})


def enable_image(self: Any) -> ActionResult:
    self.error_on_dryrun()
    image = modifiable(self.ec2_backend, self._get_param("ImageId"))
    if image.state not in ("available", "disabled"):
        raise error("InvalidAMIID.Unavailable", f"The image ID '{image.id}' is in state {image.state}")
    image.state = "available"
    return ActionResult({"Return": True})


def deregister_image(self: Any) -> Any:
    backend = self.ec2_backend
    image = backend.amis.get(self._get_param("ImageId"))
    if image is not None:
        modifiable(backend, image.id)
        if image.deregistration_protection != "disabled":
            raise error(
                "OperationNotPermitted",
                f"The image '{image.id}' may not be deregistered: its deregistration protection is "
                f"{image.deregistration_protection}.",
            )
    result = _moto_deregister(self)
    if image is not None and self._get_param("DeleteAssociatedSnapshots", False):
        for device in image.block_device_mappings:
            backend.delete_snapshot(device["Ebs"]["SnapshotId"])
    return result


def install() -> None:
    add(Ami, deregistration_protection=property(_protection))
    replace(
        EC2Response,
        describe_images=describe_images,
        deregister_image=deregister_image,
        disable_image=disable_image,
        enable_image=enable_image,
    )
    add(
        EC2Response,
        enable_image_deprecation=enable_image_deprecation,
        disable_image_deprecation=disable_image_deprecation,
        enable_image_deregistration_protection=enable_image_deregistration_protection,
        disable_image_deregistration_protection=disable_image_deregistration_protection,
    )
