"""Security groups that stand for a packet filter."""

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupBackend

import effects
from patches.errors import error
from patches.patching import replace

_moto_delete = SecurityGroupBackend._delete_security_group


def _noting(name: str) -> Any:
    original = getattr(SecurityGroupBackend, name)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        effects.note("ingress.changed", self)
        return result

    return call


def _members(self: Any, group_id: str) -> list[Any]:
    return [interface for interface in self.enis.values() if any(group.id == group_id for group in interface.group_set)]


def _delete_security_group(self: Any, vpc_id: str | None, group_id: str) -> None:
    if _members(self, group_id):
        raise error("DependencyViolation", f"resource {group_id} has a dependent object")
    _moto_delete(self, vpc_id, group_id)


def ingress_of(group: Any) -> list[dict[str, Any]]:
    """The rules with groups as sources turned into the addresses that their members have now."""
    rules = []
    for rule in group.ingress_rules:
        protocol = {"-1": "all"}.get(rule.ip_protocol, rule.ip_protocol)
        sources = [rule.ip_range["CidrIp"]] if rule.ip_range.get("CidrIp") else []
        if rule.source_group:
            members = _members(group.ec2_backend, rule.source_group.get("GroupId") or "")
            sources += [f"{each.private_ip_address}/32" for each in members if getattr(each, "lab_address", False)]
        for cidr in sources:
            whole = protocol in ("all", "icmp") or rule.from_port in (None, -1)
            rules.append(
                {
                    "protocol": protocol,
                    "fromPort": 0 if whole else int(rule.from_port),
                    "toPort": 65535 if whole else int(rule.to_port),
                    "cidr": cidr,
                }
            )
    return rules


def install() -> None:
    noting = ("authorize_security_group_ingress", "revoke_security_group_ingress", "modify_security_group_rules")
    replace(SecurityGroupBackend, **{name: _noting(name) for name in noting})
    replace(SecurityGroupBackend, _delete_security_group=_delete_security_group)
