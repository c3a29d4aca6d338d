"""A mail server on loopback that takes mails, or answers as it is told to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """`taken` are the mails; `answers` are what it says to a command instead of yes."""

    port: int
    taken: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)


@contextmanager
def taking_mail(port: int = 0) -> Iterator[MailServer]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 here")
            while line := self.rfile.readline().decode().strip():
                command = line.split()[0].split(":")[0].upper()
                if command == "DATA" and command not in server.answers:
                    self._say("354 go on")
                    self._take()
                self._say(server.answers.get(command, "250 fine"))
                if command == "QUIT":
                    return

        def _take(self) -> None:
            lines = []
            while (line := self.rfile.readline().decode()) != ".\r\n":
                lines.append(line)
            server.taken.append("".join(lines))

        def _say(self, words: str) -> None:
            self.wfile.write(f"{words}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", port), Handler) as listening:
        server = MailServer(listening.server_address[1])
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
