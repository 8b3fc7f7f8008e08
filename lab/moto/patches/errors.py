"""EC2 errors that moto has no class for."""

from moto.ec2.exceptions import EC2ClientError


def unsupported(what: str) -> EC2ClientError:
    return EC2ClientError("UnsupportedOperation", f"Not supported by the lab: {what}; see lab/README.md.")


def error(code: str, message: str) -> EC2ClientError:
    return EC2ClientError(code, message)
