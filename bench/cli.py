"""bin/bench: run one benchmark or all, print a table or JSON, keep the JSON."""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench import cascade, ground, result, stress
from bench.result import Result
from launch import environment, manage
from launch.process import LaunchError

PROGRAM = "bin/bench"
# A run plays no round that would end later, and is killed soon after.
ROUNDS_SECONDS, BOUND_SECONDS = 200.0, 300.0
MISSED = 3


@dataclass(frozen=True)
class Benchmark:
    """One measurement: `function` of `module` takes a Clock and returns its results, the main one first."""

    id: str
    what: str
    module: str
    function: str


BENCHMARKS = (
    Benchmark("B1", "admit: one call, against a script that does nothing", "bench.gate", "against_nothing"),
    Benchmark("B2", "admit: pipelines of 100, against the same", "bench.gate", "pipelined"),
    Benchmark("B3", "claim and settle, against plain lists and strings", "bench.buffer", "against_lists"),
    Benchmark("B4", "drain: buffer to committed rows, against COPY of the same rows", "bench.drain", "against_copy"),
    Benchmark("B5", "drain: the same, against one engine.start each", "bench.drain", "against_starts"),
    Benchmark("B6", "HTTP: triggers posted, against an empty DRF view", "bench.web", "against_empty"),
    Benchmark("B7", "gate: what is decided without Redis", "bench.gate", "unasked"),
    Benchmark("B8", "engine: steps, instances and latency, against DBOS and Temporal", "bench.engines", "rates"),
    Benchmark("B9", "engine: a step of a long instance, against short ones", "bench.engine", "by_length"),
    Benchmark("B10", "engine: fan-out, races and payloads", "bench.engine", "by_shape"),
    Benchmark("B11", "cleanup of a storm's backlog, against one plain UPDATE", "bench.cleanup", "of_a_storm"),
    Benchmark(
        "B12", "damper: its look at the backlog, against a primary-key lookup", "bench.damper", "against_a_lookup"
    ),
    Benchmark("B13", "admit and claim, deeper and with more orgs", "bench.buffer", "by_depth"),
    Benchmark("B14", "the Overview's snapshot, the pages and a hundred viewers, by size", "bench.snapshot", "by_size"),
    Benchmark("B15", "statements and commands of an idle service", "bench.idle", "asked_for"),
    Benchmark("B16", "jobs: no-op ones enqueued and processed, beside task queues", "bench.jobs", "beside_queues"),
    Benchmark("B17", "memory of a buffered entry", "bench.buffer", "by_memory"),
    Benchmark("B18", "gate: a trigger while Redis is away", "bench.outage", "held_up"),
    Benchmark("B19", "drain: an org beside a slow one", "bench.neighbours", "beside_a_slow_one"),
)


def main(arguments: Sequence[str]) -> int:
    made = parser()
    options = made.parse_args(arguments)
    if options.list:
        print("\n".join(f"{each.id:<6} {each.what}" for each in BENCHMARKS))
        print(f"{stress.NAME:<6} load, races, storms and deaths, judged by the logs; parts: {', '.join(stress.PARTS)}")
        print(f"{cascade.NAME:<6} events that start themselves, beside other orgs, with the damper and without")
        return 0
    if options.names == [cascade.NAME]:
        return run_cascade(made, options)
    stressing = options.names[:1] == [stress.NAME]
    known = stress.PARTS if stressing else [each.id for each in BENCHMARKS]
    if unknown := sorted(set(options.names[stressing:]) - set(known)):
        made.error(f"no benchmark {unknown[0]}; there are {', '.join(known)}")
    if options.rounds < 1:
        made.error(f"--rounds {options.rounds}: it takes at least 1")
    try:
        environment.enter(environment.SERVICE)
        if stressing:
            return stress.run(options.rounds, options.seed, options.names[1:], as_json=options.json)
        chosen = [each for each in BENCHMARKS if not options.names or each.id in options.names]
        return max(run(each, as_json=options.json) for each in chosen)
    except LaunchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run_cascade(made: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if not (options.rate > 0 and options.seconds > 0):
        made.error(f"--rate {options.rate:g} --seconds {options.seconds:g}: both must be more than 0")
    try:
        environment.enter(environment.SERVICE)
        return cascade.run(options.rate, options.seconds, as_json=options.json)
    except LaunchError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(PROGRAM, description="Measure; each run is bounded and starts its own servers.")
    made.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="which; all without one; or stress [PART...]; or cascade",
    )
    made.add_argument("--list", action="store_true", help="name the benchmarks")
    made.add_argument("--json", action="store_true", help="print one JSON object a benchmark")
    made.add_argument("--rounds", type=int, default=10, help="stress: how often each storm is played (%(default)s)")
    made.add_argument("--seed", type=int, default=random.getrandbits(32), help="stress: what its chances come from")
    made.add_argument("--rate", type=float, default=cascade.RATE, help="cascade: events a second (%(default)g)")
    made.add_argument("--seconds", type=float, default=cascade.SECONDS, help="cascade: for how long (%(default)g)")
    return made


def run(benchmark: Benchmark, *, as_json: bool) -> int:
    """Measure, print and keep the results; return 3 when a target is missed."""
    print(f"{PROGRAM}: {benchmark.id}, {benchmark.what}", file=sys.stderr)
    results = measure(benchmark)
    found = result.as_json(benchmark.id, results)
    kept = manage.data_path() / "bench"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / f"{benchmark.id}.json").write_text(found + "\n")
    print(found if as_json else "\n".join(result.table(results)))
    return MISSED if any(each.met is False for each in results) else 0


def measure(benchmark: Benchmark) -> list[Result]:
    """Run it in a process of its own, on fresh servers.

    Raises:
        LaunchError: it failed, or took longer than its bound.
    """
    command = [sys.executable, "-m", "bench.run", benchmark.module, benchmark.function, str(ROUNDS_SECONDS)]
    with ground.environment_of_own() as variables:
        try:
            ran = subprocess.run(
                command, cwd=environment.ROOT, env=variables, stdout=subprocess.PIPE, check=True, timeout=BOUND_SECONDS
            )
        except subprocess.CalledProcessError as error:
            raise LaunchError(f"{benchmark.id} failed with {error.returncode}") from None
        except subprocess.TimeoutExpired:
            raise LaunchError(f"{benchmark.id} took longer than {BOUND_SECONDS:.0f} s") from None
    return [result.from_dict(each) for each in json.loads(ran.stdout.splitlines()[-1])]
