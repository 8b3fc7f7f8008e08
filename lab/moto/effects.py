"""What the calls of one request have to change outside of moto.

moto only keeps records. Where a record stands for something real in the lab (a machine, a disk, a packet filter) the
patched methods note an effect; the server sends the notes of one request to the daemon in a response header, and the
daemon carries them out. All requests run under one lock (see server.py), so one list is enough.
"""

from typing import Any

_noted: list[dict[str, Any]] = []


def note(kind: str, backend: Any, **facts: Any) -> None:
    _noted.append({"kind": kind, "region": backend.region_name, **facts})


def take() -> list[dict[str, Any]]:
    taken = list(_noted)
    _noted.clear()
    return taken
