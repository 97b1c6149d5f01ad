import subprocess
import sys

from django_redis import get_redis_connection

from mollifier import lua
from tests import servers


def load(**environment):
    """Load the application as a web server does."""
    found = servers.environment(DJANGO_SETTINGS_MODULE="settings.test", **environment)
    done = subprocess.run(
        [sys.executable, "-c", "from settings.wsgi import application; print(application)"],
        env=found,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    return done.stdout


def test_a_web_process_makes_the_scripts_known_before_its_first_trigger():
    redis = get_redis_connection("buffer")
    redis.script_flush()
    assert "WSGIHandler" in load()
    assert all(redis.script_exists(*[script.sha for script in lua.every()]))


def test_a_redis_that_is_away_keeps_no_web_process_from_starting():
    assert "WSGIHandler" in load(REDIS_URL="redis://127.0.0.1:1/0")
