"""What a run asks the service besides sending its load."""

import http.client
import time
from collections.abc import Iterable

import msgspec

from workflows.load.wire import Answer, Target

TIMEOUT_SECONDS = 10.0
# How long it may take until every process of the service has a change.
EVERYWHERE_SECONDS = 2.0
POLL_SECONDS = 0.1


class ServiceError(Exception):
    """The service does not answer as it should; the message says how."""


class Depth(msgspec.Struct):
    """The part of the buffer's answer that is asked for; null while Redis does not answer."""

    queued: int | None


def await_keys(target: Target, secrets: Iterable[str], seconds: float) -> None:
    """Return once the service knows every key: one process shows it, the time for a change to spread is for the others.

    Raises:
        ServiceError: it does not within `seconds`.
    """
    began = time.monotonic()
    deadline = began + seconds
    for secret in secrets:
        while (answer := ask(target, "/api/v1/instances?limit=1", secret)).status != 200:
            if time.monotonic() > deadline:
                raise ServiceError(f"http://{target.host}:{target.port} answers {answer.status} to a new key")
            time.sleep(POLL_SECONDS)
    time.sleep(max(0.0, EVERYWHERE_SECONDS - (time.monotonic() - began)))


def queued(target: Target, secrets: Iterable[str]) -> int:
    """Return how many entries the orgs of these keys have in the buffer.

    Raises:
        ServiceError: the service does not say.
    """
    total = 0
    for secret in secrets:
        answer = ask(target, "/api/v1/buffer", secret)
        depth = msgspec.json.decode(answer.body, type=Depth).queued if answer.status == 200 else None
        if depth is None:
            raise ServiceError(f"the service does not say what is buffered ({answer.status})")
        total += depth
    return total


def ask(target: Target, path: str, secret: str) -> Answer:
    """Get a path in the key's name.

    Raises:
        ServiceError: nothing answers.
    """
    link = http.client.HTTPConnection(target.host, target.port, timeout=TIMEOUT_SECONDS)
    try:
        link.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
        answer = link.getresponse()
        return Answer(answer.status, answer.read(), 0)
    except (OSError, http.client.HTTPException) as error:
        raise ServiceError(
            f"nothing answers at http://{target.host}:{target.port} ({error}); start it: bin/up"
        ) from None
    finally:
        link.close()
