"""Which KMS key a snapshot or copy is encrypted with. The lab's disks are not, but what is shown and refused is AWS's.

A copy with a key that cannot be used is accepted, and fails afterwards: EC2 looks at the key only when it copies.
"""

from typing import Any

from moto.kms.models import kms_backends

from patches.errors import error

MANAGED_ALIAS = "alias/aws/ebs"
NOT_ACCESSIBLE = "Given key ID is not accessible. You must have DescribeKey permissions on the default CMK"


def managed_key(backend: Any) -> str:
    """ARN of the key that AWS manages for EBS in that region; made when it is asked for first."""
    return str(kms_backends[backend.account_id][backend.region_name].describe_key(MANAGED_ALIAS).arn)


def default_key(backend: Any) -> str:
    """What is encrypted with when no key is named: the managed one, or what ModifyEbsDefaultKmsKeyId chose."""
    return str(backend.default_kms_key_id or managed_key(backend))


def is_managed(backend: Any, snapshot: Any) -> bool:
    return bool(snapshot.encrypted) and snapshot.kms_key_id in (None, managed_key(backend))


def _usable(backend: Any, named: str) -> str | None:
    """ARN of the key by an id, an alias, or an ARN of either; None when there is none in the region that is enabled."""
    if named.startswith("arn:") and named.split(":")[3] != backend.region_name:
        return None
    kms = kms_backends[backend.account_id][backend.region_name]
    try:
        key = kms.describe_key(named)
    except Exception:  # moto has no one way to say that there is no such key.
        return None
    return str(key.arn) if key.enabled and key.deletion_date is None else None


def key_of_copy(backend: Any, source: Any, asked: bool, named: str | None) -> tuple[str | None, str]:
    """The key of a copy in this region (None: not encrypted), and why the copy will fail (empty: it will not).

    The copy of an encrypted snapshot is encrypted, and never with the key of the source unless that is named.
    """
    if named is not None and not asked:
        raise error("InvalidParameterDependency", "The parameter KmsKeyId requires the parameter Encrypted to be set.")
    if not asked and not source.encrypted:
        return None, ""
    if named is None:
        return default_key(backend), ""
    found = _usable(backend, named)
    return (found, "") if found else (named, NOT_ACCESSIBLE)
