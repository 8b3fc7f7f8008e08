"""moto as the lab runs it: on a unix socket, with the lab's patches, with a memory on disk.

usage: server.py --socket PATH --store FILE

Requests run one at a time under one lock: moto's in-memory work takes milliseconds, and only so can its state be
pickled whole. A response carries the effects of its request (effects.py) in the header X-Lab-Effects.
"""

import argparse
import ctypes
import gc
import json
import os
import signal
import sys
import threading
from typing import Any

# The patches hang on the inside of one version of moto, which wants this Python.
if sys.version_info < (3, 10):  # noqa: UP036 (whoever starts this may have another one)
    sys.exit(f"the lab's moto needs Python 3.10 or newer, this is {sys.version.split()[0]}")

# moto reads these at import.
os.environ.update(
    MOTO_EC2_LOAD_DEFAULT_AMIS="false",
    MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION="true",
    MOTO_ENABLE_KEYPAIR_VALIDATION="true",
    # Nothing that moto starts may find real credentials or regions.
    AWS_ACCESS_KEY_ID="lab",
    AWS_SECRET_ACCESS_KEY="lab",
)
for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
    os.environ.pop(name, None)

# What is read from here on stays: looking for garbage among it would be a third of the start.
gc.disable()

import descriptions  # noqa: E402

descriptions.read_once()

import moto  # noqa: E402

if not moto.__version__.startswith("5.2."):
    sys.exit(f"the lab is written for moto 5.2, this is {moto.__version__}: run `make setup`")

from moto.core.exceptions import ServiceException  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server  # noqa: E402

import control  # noqa: E402
import effects  # noqa: E402
from patches import (  # noqa: E402
    filters,
    groups,
    images,
    instances,
    parameters,
    retirement,
    scaling,
    sharing,
    tags,
    templates,
    types,
    volumes,
)
from store import Store, make_picklable  # noqa: E402

READ_PREFIXES = ("Describe", "Get", "List", "Search", "Lookup")


class Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *_: Any) -> None:
        """The endpoint keeps the log of calls."""

    def address_string(self) -> str:
        return "endpoint"


class LabApplication:
    def __init__(self, app: Any, store: Store, lock: Any, loaded: str) -> None:
        self.app = app
        self.store = store
        self.lock = lock
        self.loaded = loaded

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith("/_lab/"):
            return self.control(path.removeprefix("/_lab/"), environ, start_response)
        with self.lock:
            effects.take()
            answer: dict[str, Any] = {}

            def capture(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
                answer.update(status=status, headers=headers)

            body = b"".join(self.app(environ, capture))
            noted = effects.take()
        if not answer["status"].startswith("2"):
            noted = [effect for effect in noted if effect["kind"] != "instance.launch"]
        headers = [(name, value) for name, value in answer["headers"] if name.lower() != "content-length"]
        headers.append(("Content-Length", str(len(body))))
        if noted:
            headers.append(("X-Lab-Effects", json.dumps(noted)))
        is_read = environ.get("HTTP_X_LAB_ACTION", "").startswith(READ_PREFIXES)
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD") and not is_read:
            self.store.touch()
        start_response(answer["status"], headers)
        return [body]

    def control(self, verb: str, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            arguments = json.loads(environ["wsgi.input"].read(length) or b"{}")
            if verb == "ready":
                result: Any = {"loaded": self.loaded}
            elif verb == "save":
                self.store.save()
                result = {}
            else:
                with self.lock:
                    result = control.call(verb, arguments)
                    effects.take()
                if verb not in control.READS:
                    self.store.touch()
            status, content = "200 OK", result if result is not None else {}
        except ServiceException as problem:
            status, content = "409 Conflict", {"code": problem.code, "message": problem.message}
        except Exception as problem:
            status, content = "500 Internal Server Error", {"code": "LabControl", "message": repr(problem)}
        body = json.dumps(content).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def end_with_parent() -> None:
    """A daemon that was killed leaves no moto behind (PR_SET_PDEATHSIG); SIGTERM saves first."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--store", required=True)
    options = parser.parse_args()
    parent = os.getppid()
    end_with_parent()
    if os.getppid() != parent:
        sys.exit("the parent ended during start")

    lock = threading.RLock()
    store = Store(options.store, lock)
    make_picklable()
    machines = (instances, volumes, groups, tags, types)
    for patch in (*machines, images, sharing, retirement, templates, parameters, scaling, filters):
        patch.install()
    loaded = store.load()
    gc.freeze()
    gc.enable()

    application = LabApplication(DomainDispatcherApplication(create_backend_app), store, lock, loaded)
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    server = make_server(f"unix://{options.socket}", 0, application, threaded=True, request_handler=Handler)
    os.chmod(options.socket, 0o600)

    def finish(*_: Any) -> None:
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server.serve_forever(poll_interval=0.05)
    store.save()
    os._exit(0)


if __name__ == "__main__":
    main()
