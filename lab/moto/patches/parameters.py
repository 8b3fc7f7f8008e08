"""Parameters that hold the id of an image (`aws:ec2:image`), and images that are named by a parameter (`resolve:ssm:`).

AWS takes such a parameter and looks at the image afterwards; the lab refuses a wrong one at once.
"""

import re
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ssm.exceptions import ValidationException
from moto.ssm.models import SimpleSystemManagerBackend, ssm_backends

from patches.errors import error
from patches.patching import replace

IMAGE = "aws:ec2:image"
IMAGE_ID = re.compile(r"ami-([0-9a-f]{8}|[0-9a-f]{17})")
BY_PARAMETER = "resolve:ssm:"

_moto_put: Any = SimpleSystemManagerBackend.put_parameter


def put_parameter(self: Any, *args: Any, **more: Any) -> Any:
    name, _, value, kind, _, _, _, _, data_type = args
    if data_type == IMAGE:
        image = ec2_backends[self.account_id][self.region_name].amis.get(value)
        if kind not in (None, "String"):
            raise ValidationException(f"The data type {IMAGE} is of parameters of type String.")
        if not IMAGE_ID.fullmatch(value) or image is None or image.state != "available":
            raise ValidationException(f"{value}, the value of {name}, is no available image in {self.region_name}.")
    return _moto_put(self, *args, **more)


def resolved(backend: Any, image_id: str) -> str:
    """The id of an image that may be named by a parameter: `resolve:ssm:NAME`, with `:VERSION` or `:LABEL`."""
    if not image_id.startswith(BY_PARAMETER):
        return image_id
    name = image_id.removeprefix(BY_PARAMETER)
    try:
        parameter = ssm_backends[backend.account_id][backend.region_name].get_parameter(name)
    except Exception:  # moto has one class for each way in which a version is not there.
        parameter = None
    if parameter is None or not IMAGE_ID.fullmatch(str(parameter.value)):
        raise error("InvalidParameterValue", f"The parameter {name} is not there, or does not hold the id of an image.")
    return str(parameter.value)


def install() -> None:
    replace(SimpleSystemManagerBackend, put_parameter=put_parameter)
