"""`talk.py listen PORT...`, or `talk.py probe NAME ADDRESS PORT...`, which prints `NAME open` or `NAME shut` for
each, all at once.
"""

import socket
import sys
import threading

TIMEOUT_S = 0.7


def accept_all(server: socket.socket) -> None:
    while True:
        server.accept()[0].close()


def probe(name: str, address: str, port: str) -> None:
    try:
        socket.create_connection((address, int(port)), TIMEOUT_S).close()
        print(f"{name} open\n", end="")
    except OSError:
        print(f"{name} shut\n", end="")


verb, *words = sys.argv[1:]
if verb == "listen":
    servers = [socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True) for port in words]
    threads = [threading.Thread(target=accept_all, args=[server]) for server in servers]
else:
    threads = [threading.Thread(target=probe, args=words[at : at + 3]) for at in range(0, len(words), 3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
