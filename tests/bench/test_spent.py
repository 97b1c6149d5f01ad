"""What processes have spent."""

import os
import time

from bench import spent


def test_work_is_counted_as_the_time_of_the_process_that_does_it() -> None:
    before, until = spent.seconds([os.getpid()]), time.process_time() + 0.1
    while time.process_time() < until:
        pass
    after = spent.seconds([os.getpid()])
    assert after - before >= 0.08
    assert spent.seconds([os.getpid(), os.getpid()]) >= 2 * after
