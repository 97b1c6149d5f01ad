"""Settings of the clusters that test_sentinel starts: short times, and chores to see what happens."""

from settings.test import *  # noqa: F403
from settings.test import Q_CLUSTER as ITS_CLUSTERS

Q_CLUSTER = {
    **ITS_CLUSTERS,
    "boot": ["tests.mollifier.chores.note_start"],
    "ALT_CLUSTERS": {
        "pump": {"workers": 3, "boot": ["tests.mollifier.chores.note_pump_start"]},
        "impatient": {"boot": ["tests.mollifier.chores.ignore_the_stop"], "stop_seconds": 1},
    },
}
