"""The lab's stand-in for Amazon's SSM agent, in machines of the lab (lab/README.md, "Session Manager").

It makes every connection itself, from inside: one to the lab for orders, and for each session another one that it joins
to a port of this machine or to a shell. So a security group that lets nothing in does not stop it, and without this
service there is no way in. A line of JSON is an order or an answer (lab/ssm/agent-line.ts). Without an instance profile
it does not even ask, as the real one, which finds no credentials then.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import platform
import pwd
import signal
import struct
import subprocess
import termios
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

LAB = ("10.78.0.1", 8443)
METADATA = "http://169.254.169.254/latest"
NO_ROLE_WAIT_S = 5
AGAIN_S = 1
CHUNK = 32 * 1024
SHELL_USER = "ssm-user"


def metadata(path: str, method: str = "GET", headers: dict[str, str] | None = None) -> str:
    request = urllib.request.Request(f"{METADATA}/{path}", method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=5) as answer:
        text: bytes = answer.read()
        return text.decode()


def has_role() -> bool:
    try:
        token = metadata("api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        return metadata("meta-data/iam/security-credentials/", headers={"X-aws-ec2-metadata-token": token}) != ""
    except (urllib.error.URLError, OSError):
        return False


def describe_platform() -> dict[str, str]:
    fields = dict(
        line.replace('"', "").split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    return {"name": fields.get("NAME", ""), "version": fields.get("VERSION_ID", "")}


def send(writer: asyncio.StreamWriter, line: dict[str, Any]) -> None:
    writer.write(json.dumps(line).encode() + b"\n")


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until one side has no more to say, which the other one is told."""
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def connect(name: str, port: int) -> None:
    try:
        there_reader, there_writer = await asyncio.open_connection("localhost", port)
    except OSError as error:
        _, writer = await asyncio.open_connection(*LAB)
        send(writer, {"kind": "stream", "id": name, "error": error.strerror or str(error)})
        writer.close()
        return
    reader, writer = await asyncio.open_connection(*LAB)
    send(writer, {"kind": "stream", "id": name})
    try:
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))
    finally:
        there_writer.close()
        writer.close()


def make_shell_user() -> pwd.struct_passwd:
    """Made with the first shell, as the real agent does, and may become root."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SHELL_USER)
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/sh", SHELL_USER], check=True)
    rule = Path("/etc/sudoers.d/ssm-agent-users")
    rule.touch(mode=0o440)
    rule.write_text(f"{SHELL_USER} ALL=(ALL) NOPASSWD:ALL\n")
    return pwd.getpwnam(SHELL_USER)


class Shell:
    """A shell on a terminal of its own."""

    def __init__(self) -> None:
        user = make_shell_user()
        self.master, terminal = os.openpty()
        self.process = subprocess.Popen(
            ["setpriv", f"--reuid={SHELL_USER}", f"--regid={SHELL_USER}", "--init-groups", "setsid", "--ctty", "sh"],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd="/usr/bin",
            env={"TERM": "xterm-256color", "HOME": user.pw_dir, "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
        )
        os.close(terminal)

    def resize(self, columns: int, rows: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the shell ends, or nobody listens to it any more."""
        loop = asyncio.get_running_loop()

        async def take() -> None:
            while data := await reader.read(CHUNK):
                await loop.run_in_executor(None, os.write, self.master, data)
            # As when a terminal is closed; a shell ignores SIGTERM.
            self.process.send_signal(signal.SIGHUP)

        taking = asyncio.ensure_future(take())
        try:
            # The terminal cannot be read any more once nobody has it open.
            with contextlib.suppress(OSError):
                while data := await loop.run_in_executor(None, os.read, self.master, CHUNK):
                    writer.write(data)
                    await writer.drain()
        finally:
            taking.cancel()
            await loop.run_in_executor(None, self.process.wait)
            os.close(self.master)


class Agent:
    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.shells: dict[str, Shell] = {}

    async def shell(self, name: str) -> None:
        reader, writer = await asyncio.open_connection(*LAB)
        try:
            shell = Shell()
        except (OSError, subprocess.SubprocessError) as error:
            send(writer, {"kind": "stream", "id": name, "error": str(error)})
            writer.close()
            return
        self.shells[name] = shell
        send(writer, {"kind": "stream", "id": name})
        try:
            await shell.talk(reader, writer)
        finally:
            del self.shells[name]
            writer.close()

    def obey(self, order: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        kind = order["kind"]
        if kind == "ping":
            send(writer, {"kind": "pong"})
        elif kind == "resize":
            shell = self.shells.get(order["id"])
            if shell is not None:
                shell.resize(order["columns"], order["rows"])
        elif kind in ("connect", "shell"):
            work = connect(order["id"], order["port"]) if kind == "connect" else self.shell(order["id"])
            task = asyncio.ensure_future(work)
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def serve(self) -> None:
        reader, writer = await asyncio.open_connection(*LAB)
        send(writer, {"kind": "agent", "hostname": platform.node(), "platform": describe_platform()})
        while line := await reader.readline():
            self.obey(json.loads(line), writer)
        writer.close()


async def main() -> None:
    agent = Agent()
    while True:
        if await asyncio.get_running_loop().run_in_executor(None, has_role):
            with contextlib.suppress(OSError):
                await agent.serve()
            await asyncio.sleep(AGAIN_S)
        else:
            await asyncio.sleep(NO_ROLE_WAIT_S)


if __name__ == "__main__":
    asyncio.run(main())
