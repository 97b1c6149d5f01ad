"""What the tests of actions share."""

import pytest
from uuid_utils.compat import uuid7

from tests import outside as servers
from tests.tenants import make_env
from workflows.actions import checking, registry, switches
from workflows.actions.running import run_action


@pytest.fixture(autouse=True)
def _own_place(monkeypatch, settings, tmp_path):
    """Give each test actions, switches and a storage of its own, and let it reach loopback."""
    monkeypatch.setattr(registry, "_known", dict(registry._known))
    monkeypatch.setattr(switches, "_known", switches._Known())
    settings.MEDIA_ROOT = tmp_path
    settings.WORKFLOWS = {**settings.WORKFLOWS, "OUTBOUND_ALLOW": "127.0.0.1:*"}


@pytest.fixture
def outside():
    with servers.serve() as server:
        yield server


@pytest.fixture
def env(db):
    return make_env()


@pytest.fixture
def scope(env):
    return {"org": str(env.org_id), "env": str(env.id), "instance": str(uuid7()), "step": "charge/1"}


@pytest.fixture
def run(scope):
    """Run an action as a declared workflow does: what its definition names as secret may be resolved."""

    def run_(name, arguments, **more):
        return run_action(name, arguments, {**scope, "secrets": checking.secret_places(arguments), **more})

    return run_
