"""Q_CLUSTER: django-q2 for wake-ups, schedules and light tasks.

Two clusters share one site: the default one drains and runs schedules, `pump` hosts the engine's pumps, one worker
a shard. `boot` names the tasks a cluster gives itself when it starts; `stop_seconds` bounds a clean stop.
"""

from settings import env

Q_CLUSTER: dict[str, object] = {
    "name": "mollifier",
    "broker_class": "mollifier.broker.Broker",
    "django_redis": "queue",
    "workers": env.integer("QUEUE_WORKERS", 3),
    "bulk": 8,
    "timeout": 60,
    "retry": 90,
    "guard_cycle": 0.5,
    "stop_seconds": 30,
    # Successes are not stored: the default of 250 costs 14 times the rate.
    "save_limit": -1,
    "catch_up": False,
    "boot": ["mollifier.tasks.drain", "mollifier.tasks.sweep"],
    "ALT_CLUSTERS": {
        "pump": {
            "workers": env.integer("WORKFLOWS_SHARDS", 4),
            "bulk": 1,
            "boot": ["workflows.tasks.ensure_pumps"],
        },
    },
}
