"""The stop flag that a whole cluster shares.

No signal reaches a task, so what runs long asks here. The byte is shared memory, made when this module is
imported: before a cluster forks, so that its main process can set what its workers read.
"""

from multiprocessing.sharedctypes import RawValue

_stop = RawValue("b", 0)


def stop_requested() -> bool:
    """Tell whether this process, or the cluster it works for, was asked to stop."""
    return bool(_stop.value)


def request_stop(*_signal: object) -> None:
    """Raise the flag. Takes no lock, so it may be a signal handler."""
    _stop.value = 1
