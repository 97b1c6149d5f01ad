"""Why an instance waits, in one sentence from its real state, and what to look at next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workflows.admin.standing import OpenHook, Standing, Timer, Unfinished
from workflows.intake.view import BUFFERED
from workflows.states import Status
from workflows.templatetags import readable

ABSENT = "definition_absent"


@dataclass(frozen=True, slots=True)
class Why:
    """A sentence; the hooks and children that it names, to be linked; and what to do about it, where that is known."""

    code: str
    sentence: str
    advice: str = ""
    hooks: Sequence[OpenHook] = ()
    children: Sequence[Unfinished] = ()


def explain(standing: Standing) -> Why:
    """Say why it stands where it stands."""
    match standing.instance.status:
        case "buffered":
            return _buffered(standing)
        case Status.PAUSED:
            return _paused(standing)
        case Status.PENDING:
            return _absent(standing) or _pending(standing)
        case Status.WAITING:
            return _absent(standing) or _waiting(standing)
        case Status.RUNNING:
            return _running(standing)
        case _:
            return _over(standing)


def _over(standing: Standing) -> Why:
    instance = standing.instance
    word = str(instance.status).replace("_", " ")
    if instance.finished_at is None:
        return Why("over", f"It is {word}; it is recorded so when the drainer takes it from the buffer.")
    took = readable.duration((instance.finished_at - instance.accepted_at).total_seconds())
    return Why("over", f"It is over: {word}, {took} after it was accepted.")


def _buffered(standing: Standing) -> Why:
    notice, place = standing.instance.notice, standing.position
    code = notice.code if notice else BUFFERED
    if code == "dead_letter":
        return Why(
            code, "It is a dead letter: it could not be made an instance.", "Redrive or discard it on Dead letters."
        )
    if place is None:
        said = notice.message if notice else "It is taken from the buffer this moment."
        return Why(code, said)
    said = f"It is buffered at position {place.ahead + 1:,} of its environment's queue"
    if place.paused:
        return Why(
            "paused_env", f"{said}, which an operator has paused.", "Resume the environment or its organization."
        )
    return Why(code, f"{said}, because of {code.replace('_', ' ')}; it starts in its turn.")


def _paused(standing: Standing) -> Why:
    if not standing.instance.last_seq:
        return Why("paused", "Paused while it was buffered; it does not start before it is resumed.")
    who = f" by {standing.paused_by}" if standing.paused_by else ""
    since = f" {_when(standing.paused_at, standing.now)}" if standing.paused_at else ""
    return Why("paused", f"Paused{who}{since}; nothing of it begins before it is resumed.", "Resume it.")


def _absent(standing: Standing) -> Why | None:
    instance = standing.instance
    if instance.notice is None or instance.notice.code != ABSENT:
        return None
    again = f"; its pump looks again {_when(standing.wake_at, standing.now)}" if standing.wake_at else ""
    said = f"No pump has {instance.definition} version {instance.version}{again}."
    return Why(ABSENT, said, "Deploy code that registers this version, or cancel the instance.")


def _pending(standing: Standing) -> Why:
    if standing.wake_at is not None and standing.wake_at > standing.now:
        return Why("run_after", f"It was asked to start {_when(standing.wake_at, standing.now)}.")
    return _ready(standing, "It has not started")


def _waiting(standing: Standing) -> Why:
    if standing.wake_at is not None and standing.wake_at <= standing.now:
        return _ready(standing, "What it waited for has come")
    hooks, children = standing.hooks, standing.children
    clauses = [clause for clause in (_hooked(standing), _timed(standing)) if clause]
    if children:
        clauses.append(_unfinished(children) if clauses else f"waits for {_children(children)}")
    if not clauses:
        return Why("waiting", "It waits for something that its log does not tell of yet.")
    code = "hook" if hooks else "timer" if standing.wake_at else "children"
    return Why(code, f"It {_joined(clauses)}.", hooks=hooks, children=children)


def _running(standing: Standing) -> Why:
    since = _when(standing.last_event_at, standing.now) if standing.last_event_at else "just now"
    said = f"It runs: its last event was {since}"
    lane = standing.lane
    if not lane.alive:
        advice = "Look at Shards; another pump takes it over once one holds the shard."
        return Why("no_pump", f"{said}, and no pump holds shard {lane.index} now.", advice)
    shown = Why("running", f"{said}, and a step of it is at work.", children=standing.children)
    if lane.paused:
        return Why(
            "shard_paused", f"{said}, and shard {lane.index} is paused, so no further step begins.", "Resume the shard."
        )
    return shown


def _ready(standing: Standing, said: str) -> Why:
    lane, since = standing.lane, standing.wake_at
    if not lane.known or not lane.alive:
        return Why(
            "no_pump", f"{said}; no pump holds shard {lane.index}.", "Look at Shards, and that the cluster runs."
        )
    if lane.paused:
        return Why("shard_paused", f"{said}; shard {lane.index} is paused by an operator.", "Resume the shard.")
    ready = f"; it is ready since {readable.moment(since)}" if since else ""
    return Why("ready", f"{said}{ready}, and shard {lane.index} takes it in its turn.")


def _hooked(standing: Standing) -> str:
    hooks = standing.hooks
    if not hooks:
        return ""
    said = f"awaits the hook{'s' if len(hooks) > 1 else ''} {', '.join(hook.name for hook in hooks)}"
    return f"{said}, until {_when(standing.wake_at, standing.now)} at the latest" if _gives_up(standing) else said


def _gives_up(standing: Standing) -> bool:
    """Say whether a time is set for its one hook: the hook's own, or a sleep that races with it."""
    hooks, timer = standing.hooks, standing.timer
    if len(hooks) != 1 or timer is None:
        return False
    race = _race_of(timer.correlation_id)
    return timer.kind == "hook" or (timer.kind == "wait" and race != "" and race == _race_of(hooks[0].correlation_id))


def _race_of(correlation_id: str) -> str:
    """Return the race that an operation itself is a branch of; nothing where it is none."""
    branch = correlation_id.rpartition("/")[0]
    return branch.rpartition(".")[0] if branch.rpartition("/")[2].startswith("race:") else ""


def _timed(standing: Standing) -> str:
    if standing.wake_at is None or _gives_up(standing):
        return ""
    when, timer = _when(standing.wake_at, standing.now), standing.timer
    match timer:
        case Timer(kind="step"):
            return f"tries the step {timer.name} again {when}, after attempt {timer.attempt} failed with {timer.error}"
        case Timer(kind="hook"):
            return f"gives up the hook {timer.name} {when}"
        case _:
            return f"sleeps until {when}"


def _unfinished(children: Sequence[Unfinished]) -> str:
    return "has a child that has not ended" if len(children) == 1 else f"has {len(children)} unfinished children"


def _children(children: Sequence[Unfinished]) -> str:
    if len(children) == 1:
        return f"the child {children[0].definition}, which is {children[0].status}"
    return f"{len(children)} children"


def _joined(clauses: Sequence[str]) -> str:
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "soon"
    seconds = (moment - now).total_seconds()
    about = f"in {readable.duration(seconds)}" if seconds >= 0 else f"{readable.duration(-seconds)} ago"
    return f"{readable.moment(moment)} ({about})"
