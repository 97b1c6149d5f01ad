"""What must hold of a cascade: every phase in its order, and the checks of each."""

import sys
from collections.abc import Iterator
from typing import Any

from bench.chaos import findings
from bench.chaos.findings import Check, Loaded, at_least, at_most, percentile
from bench.chaos.phases import Outcome, Play

# Others are measured alone before and after, so that what else the machine does falls on both sides.
ALONE_SHARE = 0.5
SHORT_SECONDS, CONTROL_SECONDS = 5.0, 10.0
WITHIN, DWELL_RATIO, RUNAWAY, RATE_SHARE = 1.0, 1.5, 10, 0.95
TAKEN = ("Started", "Buffered")
REFUSED = "throttled_event_backlog"
PING_GROUP = "chaos-ping chaos.ping"


def played(play: Play) -> dict[str, Any]:
    """Play every phase; return the checks and what was seen."""
    part = play.seconds * ALONE_SHARE
    tell("others alone")
    alone = play.alone(part, "before")
    tell("beside events that start nothing")
    unheard, sent = play.beside_unheard(part)
    tell("the storm")
    storm = play.storm()
    tell("others alone again")
    alone += play.alone(part, "after")
    tell("loops avoided")
    avoided = play.avoided(min(SHORT_SECONDS, play.seconds))
    tell("undamped, the control")
    undamped = play.undamped(min(CONTROL_SECONDS, play.seconds))
    checks = [
        *of_storm(play, storm),
        *of_others(alone, unheard, storm.others),
        *of_avoided(avoided),
        *of_undamped(play, undamped),
        unexpected(play, storm, avoided, undamped),
    ]
    phases = {"storm": storm, "avoided": avoided, "undamped": undamped}
    return {
        "good": all(check.held is not False for check in checks),
        "checks": [check.as_dict() for check in checks],
        "seen": {name: seen(outcome) for name, outcome in phases.items()}
        | {"unheard": {"events": sent.events, "latest_seconds": sent.latest_seconds}},
        "others": {
            "alone": alone.as_dict(),
            "beside events that start nothing": unheard.as_dict(),
            "beside the storm": storm.others.as_dict(),
            "beside the control": undamped.others.as_dict(),
        },
        "errors": [*storm.emitted.errors, *avoided.emitted.errors, *undamped.emitted.errors, *play.stack.unexpected()],
    }


def tell(what: str) -> None:
    print(f"cascade: {what}", file=sys.stderr, flush=True)


def of_storm(play: Play, storm: Outcome) -> Iterator[Check]:
    """Check the storm: that it was held, seen, counted and closed."""
    lives, storms, emitted = findings.lives(storm.env_id), findings.storms(storm.env_id), storm.emitted
    most = max((group["most"] for group in storm.seen["groups"].values()), default=0)
    rows = max(findings.most_at_once(storm.env_id).values(), default=0)
    yield at_most("backlog", "the largest live backlog of a group, looked at every 50 ms", most, play.limit)
    yield at_most("rows", "the most rows of a group that lived at once, by their own times", rows, play.limit)
    yield at_least("rate", "events a second", emitted.events / play.seconds, play.rate * RATE_SHARE, timed=True)
    opened = [storms.opened_at.get(group, float("inf")) - at for group, at in emitted.refused_at.items()]
    yield at_least("refused", "events refused by the damper", emitted.count(REFUSED), 1)
    slowest = max(opened, default=0.0)
    yield at_most("opened", "seconds from a group's first refused event to its storm", slowest, WITHIN, timed=True)
    yield Check("looks", "looks at the live backlog", storm.seen.get("looks", 0))
    yield Check("closed", "storms that submitters closed meanwhile", storms.by.get("submitter", 0))
    yield at_most("open", "storms open after the end", storms.still_open, 0)
    told = emitted.outcomes[PING_GROUP][REFUSED] if PING_GROUP in emitted.outcomes else 0
    counted = storms.refused.get(PING_GROUP, 0)
    yield at_most("uncounted", "refusals that emitters were told and storms did not count", abs(told - counted), 0)
    missing = abs(emitted.count(*TAKEN) - lives.from_outside)
    yield at_most("missing", "accepted events without their one instance, and instances of none", missing, 0)
    yield at_most("unfinished", "instances that did not complete", lives.unfinished + lives.failed, 0)


def of_others(alone: Loaded, unheard: Loaded, beside: Loaded) -> Iterator[Check]:
    """Check what the storm did to other orgs."""
    yield at_most("others", "triggers of other orgs that were refused or did not complete", troubles(alone, beside), 0)
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        ours, usual, busy = (percentile(each.dwells, share) for each in (beside, alone, unheard))
        if not usual or not busy:
            continue
        yield at_most(f"dwell_{name}", f"{name} of others' dwell, against alone", ours / usual, DWELL_RATIO, timed=True)
        what = f"{name} of others' dwell, against beside as many events that start nothing"
        yield Check(f"dwell_{name}_busy", what, round(ours / busy, 3))


def troubles(*loads: Loaded) -> int:
    return sum(each.lost + each.refused for each in loads)


def of_avoided(avoided: Outcome) -> Iterator[Check]:
    """Check that a policy which avoids loops leaves none."""
    lives, outcomes = findings.lives(avoided.env_id), avoided.emitted.outcomes
    pings = sum(outcomes[PING_GROUP][word] for word in TAKEN) if PING_GROUP in outcomes else 0
    due = avoided.emitted.count(*TAKEN) + pings
    yield at_least("avoided", "instances under avoid_loop, undamped", lives.total, 1)
    yield at_most("avoided_more", "of them beyond one an event and one an ended ping", abs(lives.total - due), 0)
    yield at_most("avoided_looping", "of them on their own chain", lives.looping, 0)
    yield at_most("avoided_depth", "the deepest of them", lives.deepest, 1)
    yield at_most("avoided_live", "live though no more comes and nothing was switched off", lives.unfinished, 0)


def of_undamped(play: Play, undamped: Outcome) -> Iterator[Check]:
    """Check that without the damper the same runs away, or nothing was shown."""
    looks = [group["most"] for group in undamped.seen["groups"].values()]
    most = max([*looks, *findings.most_at_once(undamped.env_id).values()], default=0)
    yield at_least("control", "the largest live backlog of a group without the damper", most, play.limit * RUNAWAY)
    yield at_most("control_storms", "storms without the damper", findings.storms(undamped.env_id).count, 0)


def unexpected(play: Play, *outcomes: Outcome) -> Check:

    count = sum(len(each.emitted.errors) for each in outcomes) + len(play.stack.unexpected())
    return at_most("unexpected", "errors of emitters and pumps", count, 0)


def seen(outcome: Outcome) -> dict[str, Any]:
    """Return one phase as JSON has it."""
    storms, lives = findings.storms(outcome.env_id), findings.lives(outcome.env_id)
    return {
        "events": outcome.emitted.events,
        "latest_seconds": outcome.emitted.latest_seconds,
        "outcomes": outcome.emitted.outcomes,
        "sampler": outcome.seen,
        "rows_at_once": findings.most_at_once(outcome.env_id),
        "storms": {"closed_by": storms.by, "refused": storms.refused, "peak": storms.peak},
        "instances": {"total": lives.total, "from_outside": lives.from_outside, "deepest": lives.deepest},
        "calm_seconds": outcome.calm_seconds,
        "closed_seconds": outcome.closed_seconds,
    }
