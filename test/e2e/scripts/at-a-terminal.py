"""at-a-terminal.py [EXPECTED ANSWER]... -- COMMAND...: runs a command at a terminal, and types what is asked for."""

import os
import pty
import sys

at = sys.argv.index("--")
answers = list(zip(sys.argv[1:at:2], sys.argv[2:at:2], strict=True))
command = sys.argv[at + 1 :]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = ""
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
    seen += chunk.decode(errors="replace")
    if answers and answers[0][0] in seen:
        text = answers.pop(0)[1]
        # ^C is the key.
        os.write(terminal, b"\x03" if text == "^C" else text.encode() + b"\n")
        seen = ""
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
