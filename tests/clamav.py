"""The real clamd, with a database of one signature."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# The test file that every scanner knows, in two halves: this file is not to be found itself.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
SIGNATURE = "Eicar-Test-Signature"
MB = 1 << 20
# Limits that a test reaches quickly: clamd takes no stream beyond the first, looks at no file
# beyond the second.
STREAM_MB, FILE_MB = 4, 2


@dataclass
class Clamd:
    """A running daemon, reached by a Unix socket or by TCP."""

    process: subprocess.Popen[bytes]
    unix: str
    tcp: str
    log: Path

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It is there, takes connections and says nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def running_clamd(program: str, folder: Path, **options: str) -> Iterator[Clamd]:
    """clamd in the foreground; `options` are added to its configuration."""
    (folder / "signatures").mkdir()
    # Name, any kind of file, at any place, the bytes.
    line = f"{SIGNATURE}:0:*:{EICAR.hex()}\n"
    (folder / "signatures" / "test.ndb").write_text(line)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    wanted = {
        "Foreground": "yes",
        "DatabaseDirectory": str(folder / "signatures"),
        "TemporaryDirectory": str(folder),
        "LocalSocket": str(folder / "clamd.socket"),
        "TCPSocket": str(port),
        "TCPAddr": "127.0.0.1",
        "StreamMaxLength": f"{STREAM_MB}M",
        "MaxFileSize": f"{FILE_MB}M",
        "AlertExceedsMax": "yes",
    }
    configuration = folder / "clamd.conf"
    lines = [f"{name} {value}\n" for name, value in (wanted | options).items()]
    configuration.write_text("".join(lines))
    log = folder / "output.txt"
    with log.open("wb") as output:
        words = [program, "--config-file", str(configuration)]
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
    daemon = Clamd(process, wanted["LocalSocket"], f"127.0.0.1:{port}", log)
    try:
        _wait_for(daemon)
        yield daemon
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(daemon: Clamd) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and daemon.process.poll() is None:
        with socket.socket(socket.AF_UNIX) as asking:
            if asking.connect_ex(daemon.unix) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"clamd did not start:\n{daemon.log.read_text()}")
