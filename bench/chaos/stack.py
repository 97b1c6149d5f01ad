"""The whole service for a cascade: web, drainer, pumps, and the processes that load and watch it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench.chaos import crew
from bench.chaos.crew import Pump
from bench.peers import asking
from bench.peers.asking import Peer
from launch import environment, process, servers, up
from launch.data import DataDirectory
from launch.process import LaunchError
from settings import env
from workflows.intake import rollout
from workflows.intake.rollout import Actor
from workflows.load import service, tenants
from workflows.load.tenants import Tenant
from workflows.load.wire import Target

LANES = ((0, 1), (2, 3))
EMITTERS, BYSTANDERS = 2, 4
READY_SECONDS = 60.0
DRAINER = (str(environment.ROOT / "manage.py"), "mollifier_drain")
# Of each org's triggers a part is buffered, so that there is a dwell to measure and entries to count.
STORMING, STEADY = {"limit": 5, "window_ms": 200}, {"limit": 1, "window_ms": 200}


@dataclass
class Stack:
    """What runs, and in whose name it is loaded."""

    url: str
    pumps: list[Pump]
    storming: Tenant
    keys: dict[str, str]
    emitters: list[Peer]
    sampler: Peer
    bystander: Peer

    def unexpected(self) -> list[str]:
        return [line for pump in self.pumps for line in pump.unexpected()]


@contextmanager
def standing() -> Iterator[Stack]:
    """Start everything and make the orgs; stop it afterwards.

    Raises:
        LaunchError: a process does not come up.
    """
    entered = [tenant("storming", STORMING), *(tenant(f"steady-{each}", STEADY) for each in range(BYSTANDERS))]
    with ExitStack() as running:
        url = running.enter_context(serving())
        running.enter_context(spawned("drainer", DRAINER))
        pumps = running.enter_context(crew.pumping(*LANES))
        service.await_keys(Target.parse(url), [each.secret for each in entered], READY_SECONDS)
        yield Stack(
            url,
            pumps,
            entered[0],
            {each.org.slug: each.secret for each in entered[1:]},
            [running.enter_context(asked("emitter", number)) for number in range(EMITTERS)],
            running.enter_context(asked("sampler")),
            running.enter_context(asked("bystander")),
        )


def tenant(slug: str, flags: dict[str, int]) -> Tenant:
    made = tenants.enter(slug, slug, "cascade")
    rollout.set_rollout(made.org.id, actor=Actor("bench"), reason="A cascade.", mode="on", **flags)
    return made


@contextmanager
def serving() -> Iterator[str]:
    """Serve as bin/up does; yield the address."""
    with served() as (url, _):
        yield url


@contextmanager
def served(**more: str) -> Iterator[tuple[str, int]]:
    """Serve as bin/up does, with these variables besides; yield the address, and the process that has the workers."""
    port = process.free_port()
    program = up.programs({**variables(), **more}, port)[0]
    with spawned("web", program.command[1:], program.env) as child:
        log = crew.place() / "web.log"
        process.wait_until(lambda: not process.port_is_free(port), child, log, "the web server", READY_SECONDS)
        url = f"http://127.0.0.1:{port}"
        await_answer(url)
        yield url, child.pid


def variables() -> dict[str, str]:
    """Return the environment of this process, which names the stores."""
    return servers.environment(DataDirectory(env.data_dir()), env.required("DATABASE_URL"), env.required("REDIS_URL"))


def await_answer(url: str) -> None:
    """Wait until something answers: the port is taken before a worker has it."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            service.ask(Target.parse(url), "/healthz/live", "")
        except service.ServiceError as error:
            if time.monotonic() > deadline:
                raise LaunchError(str(error)) from error
            time.sleep(0.1)
        else:
            return


@contextmanager
def spawned(
    name: str, command: Sequence[str], variables: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program of ours, with a log under its name."""
    log = crew.place() / f"{name}.log"
    log.unlink(missing_ok=True)
    child = process.spawn([sys.executable, *command], log, death_signal=signal.SIGKILL, env=variables)
    try:
        yield child
    finally:
        process.stop(child, signal.SIGTERM, crew.STOP_SECONDS)


@contextmanager
def asked(module: str, number: int = 0) -> Iterator[Peer]:
    log = crew.place() / f"{module}-{number}.log"
    with asking.started([sys.executable, "-m", f"bench.chaos.{module}"], log) as peer:
        yield peer
