"""What the gate saw of an environment, put into Redis as if it had."""

from mollifier import client, conf, tally
from mollifier.decision import Passed, PassThrough, Scope
from tests.mollifier.makers import arrival


def record(environment, *counts):
    """Tell Redis of arrivals in the seconds before now, the last first."""
    scope = Scope(str(environment.org_id), str(environment.id))
    counted = {}
    for ago, count in enumerate(counts):
        ((key, _),) = tally.seen(arrival(scope), PassThrough(Passed.ROOM), 100 - ago)
        counted[key] = count
    client.call_all(tally.commands(counted, 102.0, conf.current()))
