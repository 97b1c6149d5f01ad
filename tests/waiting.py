"""Wait for what happens in another thread or process."""

import time
from collections.abc import Callable

# A loaded machine may take its time; what never happens still ends the test.
PATIENCE_SECONDS = 30.0


def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Look until the condition holds.

    Raises:
        AssertionError: it did not within the time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.005)
