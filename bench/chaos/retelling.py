"""Drives the code of a finished instance over its final log, from nothing: the judge's second opinion."""

from bench.chaos.checker import Log, Story
from workflows import registry
from workflows.endings import Completed, Failed
from workflows.identity import Identity
from workflows.replay import Replay, ReplayDivergence


def tell(log: Log) -> Story:
    """Return how the registered code ends when it is driven over the log."""
    registered = registry.get(log.definition, log.version)
    if registered is None:
        return Story(diverged=f"{log.definition} version {log.version} is not registered here")
    replay = Replay(
        registered.function,
        Identity(log.id, log.org_id, log.env_id, log.definition, log.version, log.root_id, log.depth),
    )
    try:
        for event in log.events:
            if replay.result is None:
                replay.deliver(event.type, event.correlation_id, event.data, event.at)
    except ReplayDivergence as error:
        return Story(diverged=str(error))
    finally:
        replay.close()
    match replay.result:
        case Completed(output):
            return Story(output=output)
        case Failed(failure):
            return Story(failure=f"{failure.code}: {failure.message}")
        case None:
            return Story(failure=f"it has not ended, and awaits {', '.join(replay.pending) or 'nothing'}")
