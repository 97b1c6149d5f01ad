"""Whose port is whose."""

import os
import socket
import subprocess
import sys

from bench import ports

HOLDS = """
import socket, sys
link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print(link.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_connection_is_the_process_that_holds_it() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        command = [sys.executable, "-c", HOLDS, str(listening.getsockname()[1])]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            port = int(child.stdout.readline())
            assert ports.held_by([os.getpid(), child.pid])[port] == child.pid
            assert list(ports.below(child.pid)) == [child.pid]
            assert child.pid in ports.below(os.getpid())
    assert list(ports.below(child.pid)) == [child.pid]
    assert ports.held_by([child.pid]) == {}
