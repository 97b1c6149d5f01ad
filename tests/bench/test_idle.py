"""B15's way of counting, on a process of the test's own; the whole stack is bin/bench's."""

import subprocess
import sys

from bench import idle
from bench.idle import Asked, Program

ASKS = """
import django, time
django.setup()
from django_redis import get_redis_connection
redis = get_redis_connection("buffer")
redis.ping()
print("asks", flush=True)
while True:
    redis.get("nothing")
    time.sleep(0.01)
"""


def test_what_a_process_asks_is_counted_as_its_own(tmp_path) -> None:
    log = tmp_path / "postgres.log"
    log.write_bytes(b"127.0.0.1(1) LOG:  statement: before\n")
    with subprocess.Popen([sys.executable, "-c", ASKS], stdout=subprocess.PIPE, text=True) as child:
        try:
            child.stdout.readline()
            asked = idle.watch([Program("one", (child.pid,))], log, 0.2)
        finally:
            child.kill()
    assert asked.commands[child.pid] > 0
    assert asked.statements.total() == 0, "nothing was written to the log meanwhile"


def test_statements_are_told_from_what_else_a_log_holds() -> None:
    written = (
        b"127.0.0.1(5001) LOG:  statement: BEGIN\n"
        b"127.0.0.1(5002) LOG:  execute <unnamed>: SELECT\n\t1\n"
        b"127.0.0.1(5001) DETAIL:  Parameters: $1 = '1'\n"
        b"127.0.0.1(5001) LOG:  execute _pg3_1: SELECT 2\n"
        b" LOG:  checkpoint starting: time\n"
    )
    assert idle.ASKED.findall(written) == [b"5001", b"5002", b"5001"]


def test_a_rate_is_of_all_that_was_asked() -> None:
    asked = Asked(seconds=10.0)
    asked.statements[1], asked.commands[1], asked.commands[2] = 20, 5, 10
    assert (asked.rate(1), asked.rate(1, 2), asked.rate(3)) == (2.5, 3.5, 0)
    told = idle.of_program(Program("queue", (1, 2)), asked, "asked by")
    assert (told.id, told.ours, told.note) == ("B15.queue", 3.5, "2.0 statements and 1.5 commands, of 2 processes")


def test_connections_are_known_by_their_ports() -> None:
    before = idle.counted()
    assert before
    assert all(count >= 0 for count in before.values())
