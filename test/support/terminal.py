"""A terminal for tests: runs a command in a pseudo terminal, and does what each line of stdin (JSON) says."""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios


def main() -> int:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    pending = b""
    sources = [terminal, 0]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if terminal in ready:
            try:
                output = os.read(terminal, 65536)
            except OSError:
                output = b""
            if not output:
                break
            os.write(1, output)
        if 0 in ready:
            said = os.read(0, 65536)
            if not said:
                sources.remove(0)
            *lines, pending = (pending + said).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if "type" in order:
                    os.write(terminal, order["type"].encode())
                else:
                    rows, columns = order["resize"]
                    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


sys.exit(main())
