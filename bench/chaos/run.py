"""The stress run, in a process of its own on the servers that its environment names; prints its parts as JSON.

Run as `python -m bench.chaos.run ROUNDS SEED SHARE`: each storm is played ROUNDS times, everything else once, with a
SHARE of its load. Progress goes to stderr.
"""

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import django
from tqdm import tqdm

if TYPE_CHECKING:
    from bench.chaos.crew import Crew
    from bench.chaos.report import Part

SUBMITTERS, RESUMERS = 2, 2
LANES = ((0, 1), (2, 3))
EVERYWHERE = ((0, 1, 2, 3), (0, 1, 2, 3))
UNFENCED = ("-m", "bench.chaos.unfenced")
CONTROL_SHARE, CONTROL_PATIENCE = 0.1, 15.0
TRIALS = 4


def main(rounds: str, seed: str, share: str) -> None:
    django.setup()
    from bench.chaos import scenarios  # noqa: PLC0415 - what plays them imports models

    found = []
    total = len(scenarios.SCENARIOS) + int(rounds) * len(scenarios.STORMS) + TRIALS
    with tqdm(total=total, file=sys.stderr, unit="part", disable=None) as bar:
        for part in parts(int(rounds), int(seed), float(share)):
            found.append(part)
            bar.update()
            tqdm.write(f"{part.name}: {'good' if part.good else 'BAD'}, {part.seconds:.1f} s", file=sys.stderr)
    print(json.dumps([part.as_dict() for part in found]))


def parts(rounds: int, seed: int, share: float) -> Iterator["Part"]:
    """Play everything, one part after the other."""
    from bench.chaos import conformance, crew, deaths  # noqa: PLC0415

    chance = random.Random(seed)
    with crew.gathered(SUBMITTERS, RESUMERS) as everybody:
        yield from played(everybody, chance, rounds, share)
        yield conformance.tried(max(1, round(conformance.TRIES * share)))
        yield deaths.killed(max(50, round(deaths.AMID * share)))
        yield deaths.crashed(max(10, round(deaths.NEIGHBOURS * share)))
        yield control(everybody, chance)


def played(everybody: "Crew", chance: random.Random, rounds: int, share: float) -> Iterator["Part"]:
    """Play the scenarios once and the storms in rounds, with good pumps."""
    from bench.chaos import crew, scenarios  # noqa: PLC0415
    from bench.chaos.stage import Stage  # noqa: PLC0415

    with crew.pumping(*LANES) as pumps:
        stage = Stage(everybody, pumps, chance)
        for scenario in (*scenarios.SCENARIOS, *scenarios.STORMS * rounds):
            yield stage.play(scenario.smaller(share))


def control(everybody: "Crew", chance: random.Random) -> "Part":
    """Play the race with two pumps without fences at every instance: a judge that sees nothing then is blind."""
    from bench.chaos import crew, scenarios  # noqa: PLC0415
    from bench.chaos.stage import Stage  # noqa: PLC0415

    race = replace(scenarios.RACE.smaller(CONTROL_SHARE), patience=CONTROL_PATIENCE)
    with crew.pumping(*EVERYWHERE, name="unfenced", command=UNFENCED):
        # What these pumps say is not looked at: they may say anything.
        part = Stage(everybody, (), chance).play(race)
    what = "the race, its fences and the reading of others' events off, two pumps at each instance: must be corrupted"
    return replace(part, name="control", what=what, wants_corruption=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
