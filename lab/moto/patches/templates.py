"""Launch templates: versions from others, images by parameter, lists in pages, and instances that are made of them."""

from typing import Any

from moto.ec2.responses import EC2Response
from moto.ec2.utils import parse_user_data

from patches.errors import error, unsupported
from patches.parameters import resolved
from patches.patching import replace

MOST = 200
UNLIMITED = 1_000_000
FILTERS = ("image-id", "instance-type", "is-default-version")

_moto_create_version: Any = EC2Response.create_launch_template_version
_moto_describe: Any = EC2Response.describe_launch_templates
_moto_describe_versions: Any = EC2Response.describe_launch_template_versions
_moto_run: Any = EC2Response.run_instances


def _template(backend: Any, named: dict[str, Any]) -> Any:
    if named.get("LaunchTemplateId"):
        return backend.get_launch_template(named["LaunchTemplateId"])
    return backend.get_launch_template_by_name(named.get("LaunchTemplateName"))


def create_launch_template_version(self: Any) -> Any:
    given = dict(self._get_param("LaunchTemplateData") or {})
    if given.get("UserData") is not None:
        given["UserData"] = parse_user_data(given["UserData"])
    source = self._get_param("SourceVersion")
    if source is not None:
        given = {**_template(self.ec2_backend, self.params).get_version(source).data, **given}
    self.params["LaunchTemplateData"] = given
    return _moto_create_version(self)


def _paged(self: Any, answer: Any, key: str, keep: Any = None) -> Any:
    """moto cuts a list off and says nothing of the rest."""
    most = self._get_int_param("MaxResults", MOST)
    token = self._get_param("NextToken") or "0"
    if not token.isdecimal():
        raise error("InvalidNextToken", f"The token '{token}' is invalid.")
    start = int(token)
    self.params["MaxResults"] = UNLIMITED
    result = answer(self)
    found = [each for each in result.result[key] if keep is None or keep(each)]
    result.result[key] = found[start : start + most]
    if len(found) > start + most:
        result.result["NextToken"] = str(start + most)
    return result


def describe_launch_templates(self: Any) -> Any:
    return _paged(self, _moto_describe, "LaunchTemplates")


def describe_launch_template_versions(self: Any) -> Any:
    filters = self._filters_from_querystring()
    for name in filters:
        if name not in FILTERS:
            raise unsupported(f"DescribeLaunchTemplateVersions by {name}")

    def fits(version: dict[str, Any]) -> bool:
        data = version["LaunchTemplateData"]
        values = {
            "image-id": data.get("ImageId"),
            "instance-type": data.get("InstanceType"),
            "is-default-version": str(version["DefaultVersion"]).lower(),
        }
        return all(values[name] in wanted for name, wanted in filters.items())

    result = _paged(self, _moto_describe_versions, "LaunchTemplateVersions", fits)
    if self._get_param("ResolveAlias", False):
        for version in result.result["LaunchTemplateVersions"]:
            data = version["LaunchTemplateData"]
            if data.get("ImageId"):
                version["LaunchTemplateData"] = {**data, "ImageId": resolved(self.ec2_backend, data["ImageId"])}
    return result


def _all_tags(of_template: list[dict[str, Any]], of_call: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the call win over those of the template."""
    tags: dict[str, dict[str, str]] = {}
    for each in [*of_template, *of_call]:
        if each.get("ResourceType") != "launch-template":
            known = tags.setdefault(each["ResourceType"], {})
            known.update({tag["Key"]: tag.get("Value", "") for tag in each.get("Tags") or []})
    return [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in values.items()]}
        for kind, values in tags.items()
    ]


def run_instances(self: Any) -> Any:
    version = None
    named = self.params.pop("LaunchTemplate", None)
    if named:
        version = _template(self.ec2_backend, named).get_version(named.get("Version") or "$Default")
        data = {key: value for key, value in version.data.items() if value is not None}
        tags = _all_tags(data.get("TagSpecifications") or [], self._get_param("TagSpecifications") or [])
        self.params = {**data, **self.params, **({"TagSpecifications": tags} if tags else {})}
    image_id = self._get_param("ImageId")
    if not image_id:
        raise error("MissingParameter", "The request must contain the parameter ImageId")
    self.params["ImageId"] = resolved(self.ec2_backend, image_id)
    result = _moto_run(self)
    if version is not None:
        origin = {"id": version.template.id, "version": str(version.number)}
        for instance in result.result.instances:
            instance.add_tags({f"aws:ec2launchtemplate:{key}": value for key, value in origin.items()})
    return result


def install() -> None:
    replace(
        EC2Response,
        create_launch_template_version=create_launch_template_version,
        describe_launch_templates=describe_launch_templates,
        describe_launch_template_versions=describe_launch_template_versions,
        run_instances=run_instances,
    )
