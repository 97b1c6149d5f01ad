"""B15: what a service that has nothing to do asks of its stores: the whole of what bin/up runs, looked at for a minute.

PostgreSQL logs each statement with the port it came from, Valkey counts the commands of each connection, and /proc says
whose the ports are. A minute, so that what runs by schedule is in it.
"""

import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection

from bench import buffer, ports, result
from bench.chaos import crew, stack
from bench.result import Ceiling, Result, Samples
from bench.rounds import Clock
from launch import process, supervisor, up
from launch.process import LaunchError
from settings import env
from workflows.load import service
from workflows.load.wire import Target
from workflows.pump import leases

SECONDS, SETTLE_SECONDS, READY_SECONDS, LOOK_SECONDS = 60.0, 15.0, 60.0, 0.5
MOST = 2
# A worker looks for changes only once it was asked for something.
WARM_REQUESTS = 20
ASKED = re.compile(rb"^127\.0\.0\.1\((\d+)\) LOG:  (?:statement|execute [^:]*): ", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """One of what bin/up runs, with every process below it."""

    name: str
    pids: tuple[int, ...]


@dataclass
class Asked:
    """Statements of PostgreSQL and commands of Valkey, by the process they came from; None: nobody's that is known."""

    seconds: float = 0.0
    statements: Counter[int | None] = field(default_factory=Counter)
    commands: Counter[int | None] = field(default_factory=Counter)

    def rate(self, *pids: int | None) -> float:
        """Return how much a second these asked in all."""
        return sum(self.statements[pid] + self.commands[pid] for pid in pids) / self.seconds


def asked_for(_clock: Clock) -> list[Result]:
    """B15: statements and commands a second: of a process in the mean, of the busiest, of a process of each program."""
    with running() as programs, logged() as log:
        time.sleep(SETTLE_SECONDS)
        asked = watch(programs, log, SECONDS)
    active = [pid for program in programs for pid in program.pids if asked.rate(pid)]
    what = f"an idle service for {asked.seconds:.0f} s: statements and commands a second of"
    mean, busiest = asked.rate(*active, None) / len(active), max(asked.rate(pid) for pid in active)
    told = (
        f"{asked.statements[None]} statements and {asked.commands[None]} commands were of connections too short to tell"
    )
    found = [
        result.make(
            "B15", f"{what} a process that asks any ({len(active)})", "1/s", Samples((mean,)), Ceiling(MOST), told
        ),
        result.make("B15.busiest", f"{what} the busiest process", "1/s", Samples((busiest,))),
    ]
    return found + [of_program(program, asked, what) for program in programs]


def of_program(program: Program, asked: Asked, what: str) -> Result:
    statements = sum(asked.statements[pid] for pid in program.pids) / asked.seconds
    commands = sum(asked.commands[pid] for pid in program.pids) / asked.seconds
    told = f"{statements:.1f} statements and {commands:.1f} commands, of {len(program.pids)} processes"
    rate = asked.rate(*program.pids)
    return result.make(f"B15.{program.name}", f"{what} {program.name}, in all", "1/s", Samples((rate,)), note=told)


@contextmanager
def running() -> Iterator[list[Program]]:
    """Start what bin/up starts, wait until all of it is at work, and stop it afterwards.

    Raises:
        LaunchError: it does not come up.
    """
    port = process.free_port()
    with started(up.programs(stack.variables(), port)) as children:
        await_answers(f"http://127.0.0.1:{port}")
        await_pumps()
        yield [Program(name, tuple(ports.below(child.pid))) for name, child in children.items()]


@contextmanager
def started(programs: Sequence[supervisor.Program]) -> Iterator[dict[str, "subprocess.Popen[bytes]"]]:
    """Start some of what bin/up runs, each with a log under its name; stop it afterwards."""
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for each in programs:
            log = crew.place() / f"{each.name}.log"
            children[each.name] = process.spawn(each.command, log, death_signal=signal.SIGTERM, env=each.env)
        yield children
    finally:
        for child in children.values():
            child.send_signal(signal.SIGTERM)
        for child in children.values():
            process.stop(child, signal.SIGTERM, crew.STOP_SECONDS)


def await_answers(url: str) -> None:
    """Wait until the web answers, and ask it often enough to have every worker at work."""
    stack.await_answer(url)
    for _ in range(WARM_REQUESTS):
        service.ask(Target.parse(url), "/healthz/ready", "")


def await_pumps() -> None:
    """Wait until every shard has its pump.

    Raises:
        LaunchError: one does not come.
    """
    deadline = time.monotonic() + READY_SECONDS
    while leases.lapsed_shards():
        if time.monotonic() > deadline:
            raise LaunchError(f"not every shard has a pump after {READY_SECONDS:.0f} s")
        time.sleep(0.1)


@contextmanager
def logged() -> Iterator[Path]:
    """Have PostgreSQL write each statement down with the port it came from; yield its log."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET log_statement = 'all'")
        cursor.execute("ALTER SYSTEM SET log_line_prefix = '%r '")
        cursor.execute("SELECT pg_reload_conf()")
    try:
        yield env.data_dir() / "postgres" / "postgres.log"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM RESET log_statement")
            cursor.execute("ALTER SYSTEM RESET log_line_prefix")
            cursor.execute("SELECT pg_reload_conf()")


def watch(programs: Sequence[Program], log: Path, seconds: float) -> Asked:
    """Look for so long, often enough to see whose each connection is."""
    pids = [pid for program in programs for pid in program.pids]
    owners: dict[int, int | None] = {}
    began, at, first = time.monotonic(), log.stat().st_size, counted()
    last = dict(first)
    while time.monotonic() < began + seconds:
        owners |= ports.held_by([*pids, os.getpid()])
        time.sleep(LOOK_SECONDS)
        last |= counted()
    asked = Asked(time.monotonic() - began)
    with log.open("rb") as written:
        written.seek(at)
        for port in ASKED.findall(written.read()):
            asked.statements[owners.get(int(port))] += 1
    for port, commands in last.items():
        asked.commands[owners.get(port)] += commands - first.get(port, 0)
    return asked


def counted() -> dict[int, int]:
    """Return how many commands each connection to Valkey has sent, by its port."""
    clients = buffer.redis().client_list()
    return {int(client["addr"].rpartition(":")[2]): int(client["tot-cmds"]) for client in clients}
