"""A wire to Redis that loses replies: what was sent arrives and is done, and nobody hears of it."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django_redis import get_redis_connection


class Wire:
    """Carries everything, but loses the first `losses` replies to what holds `marker`, with the connection."""

    def __init__(self, marker: bytes, losses: int, server: tuple[str, int]) -> None:
        self.marker, self.losses, self.lost, self.server = marker, losses, 0, server
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self.server) as far:
            while True:
                ready, _, _ = select.select([near, far], [], [], 30)
                try:
                    if not ready or not self._forward(ready[0], near, far):
                        return
                except OSError:
                    return

    def _forward(self, source: socket.socket, near: socket.socket, far: socket.socket) -> bool:
        data = source.recv(1 << 20)
        if not data:
            return False
        if source is far:
            near.sendall(data)
            return True
        far.sendall(data)
        with self.lock:
            loses = self.marker in data and self.lost < self.losses
            self.lost += loses
        if loses:
            far.recv(1)
        return not loses


@contextmanager
def lossy(settings, marker: str, losses: int) -> Iterator[Wire]:
    """Lead every connection of the test over such a wire."""
    at = get_redis_connection("buffer").connection_pool.connection_kwargs
    wire = Wire(marker.encode(), losses, (at["host"], at["port"]))
    before = settings.CACHES
    settings.CACHES = {
        alias: {**cache, "LOCATION": f"redis://{wire.address}/{at.get('db') or 0}?client_name={alias}-{marker[:8]}"}
        for alias, cache in before.items()
    }
    try:
        yield wire
    finally:
        settings.CACHES = before
        wire.listener.close()
