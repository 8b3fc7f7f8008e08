"""moto's memory on disk: one pickle, replaced as a whole, so that ids survive a restart of the lab.

Only the services named here are kept; every other service of moto works, and forgets.
"""

import io
import os
import pickle
import sys
import threading
import time
from collections import defaultdict
from typing import Any

import moto
from cryptography.hazmat.primitives import serialization
from moto import backends
from moto.core.base_backend import BackendDict
from moto.ssm.models import SimpleSystemManagerBackend

from patches.patching import replace

KEPT = ("autoscaling", "ec2", "ecs", "iam", "kms", "ssm")
FORMAT = 1
QUIET_SECONDS = 0.15


def nested_tags() -> Any:
    return defaultdict(dict)


def make_picklable() -> None:
    """SSM keeps a lambda as a default factory; a named function does the same and pickles."""
    original = SimpleSystemManagerBackend.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self._resource_tags = defaultdict(nested_tags)

    replace(SimpleSystemManagerBackend, __init__=init)


def load_private_key(der: bytes) -> Any:
    return serialization.load_der_private_key(der, password=None)


class Pickler(pickle.Pickler):
    """Knows the two kinds of objects that moto keeps and pickle cannot carry by itself.

    KMS keeps private keys as objects of a compiled library; they travel as PKCS #8. SSM keeps parameters in a
    defaultdict whose constructor takes other arguments than a defaultdict's.
    """

    def reducer_override(self, thing: Any) -> Any:
        if type(thing).__name__ == "ParameterDict":
            made_with = (thing.account_id, thing.region_name)
            return type(thing), made_with, dict(thing.__dict__), None, iter(dict.items(thing))
        if not hasattr(thing, "private_bytes") or isinstance(thing, type):
            return NotImplemented
        der = thing.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return load_private_key, (der,)


def to_bytes(content: Any) -> bytes:
    buffer = io.BytesIO()
    Pickler(buffer).dump(content)
    return buffer.getvalue()


class Store:
    """Saves a little after the last change, so that a burst of calls costs one write."""

    def __init__(self, path: str, lock: Any) -> None:
        self.path = path
        self.lock = lock
        self._dirty = threading.Event()
        self._write_lock = threading.Lock()
        threading.Thread(target=self._run, daemon=True).start()

    def touch(self) -> None:
        self._dirty.set()

    def _run(self) -> None:
        while True:
            self._dirty.wait()
            time.sleep(QUIET_SECONDS)
            try:
                self.save()
            except Exception as problem:
                # Still running, but what was made since the last save would be lost: say so in daemon.log.
                print(f"the lab's memory could not be saved: {problem!r}", file=sys.stderr)

    def save(self) -> None:
        with self._write_lock:
            with self.lock:
                self._dirty.clear()
                instances: list[Any] = BackendDict._instances  # type: ignore[misc]
                services = {
                    backend.service_name: {account: dict(regions) for account, regions in backend.items()}
                    for backend in instances
                    if backend.service_name in KEPT
                }
                content = to_bytes({"format": FORMAT, "moto": moto.__version__, "services": services})
            temporary = f"{self.path}.{os.getpid()}.tmp"
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
            os.replace(temporary, self.path)

    def load(self) -> str:
        """`fresh`, `loaded`, or `unreadable: ...`, in which case the old file was moved aside and nothing is known."""
        try:
            with open(self.path, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            return "fresh"
        try:
            saved = pickle.loads(content)
            if saved["format"] != FORMAT:
                raise ValueError(f"format {saved['format']}, wanted {FORMAT}")
            if saved["moto"] != moto.__version__:
                raise ValueError(f"written by moto {saved['moto']}, this is {moto.__version__}")
        except Exception as problem:  # A pickle can fail in any way that its classes can.
            aside = f"{self.path}.unreadable-{int(time.time())}"
            os.replace(self.path, aside)
            return f"unreadable: {problem!r}; kept as {aside}"
        for service, accounts in saved["services"].items():
            backend_dict = backends.get_backend(service)
            for account, regions in accounts.items():
                known = backend_dict[account]
                for region, backend in regions.items():
                    known[region] = backend
        return "loaded"
