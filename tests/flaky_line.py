"""A line to the site that a test can cut: a TCP proxy on loopback."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BLOCK = 64 << 10
# Closing sends a reset at once instead of waiting for what is on its way.
RESET = struct.pack("ii", 1, 0)


class FlakyLine:
    """Forwards to `port` until it is `cut()`; from then on nobody gets through until `mend()`."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._whole = threading.Event()
        self._whole.set()
        self._held: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()
        for held in list(self._held):
            _reset(held)

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole.is_set():
                    _reset(near)
                    continue
                far = socket.create_connection(("127.0.0.1", self._upstream))
                self._held |= {near, far}
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(BLOCK):
                target.sendall(block)
            target.shutdown(socket.SHUT_WR)
        self._held.discard(source)


def _reset(held: socket.socket) -> None:
    with suppress(OSError):
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        held.shutdown(socket.SHUT_RDWR)
        held.close()


@contextmanager
def flaky_line(url: str) -> Iterator[FlakyLine]:
    line = FlakyLine(int(url.rpartition(":")[2]))
    try:
        yield line
    finally:
        line.close()
