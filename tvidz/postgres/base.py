"""Django's PostgreSQL backend, brought up on demand: ENGINE "tvidz.postgres".

Nothing is started by importing settings, by type checks or by `collectstatic`: the server is
brought up when a connection is refused, which also heals a server that died under a running site.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.postgresql import base, client

from tvidz.postgres.errors import EmbeddedPostgresError
from tvidz.postgres.programs import usable_programs
from tvidz.postgres.server import EmbeddedServer, server_for

# One attempt finds nothing, the next one connects; the third is for a server that falls over
# (a crashed backend restarts them all) between being found ready and being used.
ATTEMPTS = 3


class DatabaseClient(client.DatabaseClient):
    """`manage.py dbshell` with the psql of the wheel, against the running server."""

    @classmethod
    def settings_to_cmd_args_env(
        cls, settings_dict: dict[str, Any], parameters: Iterable[str]
    ) -> tuple[list[str], dict[str, str] | None]:
        server = server_for(Path(settings_dict["VAR"]))
        host = str(server.place.socket)
        words, environment = super().settings_to_cmd_args_env(
            {**settings_dict, "HOST": host}, parameters
        )
        return [str(usable_programs(None) / "psql"), *words[1:]], environment

    def runshell(self, parameters: Iterable[str]) -> None:
        self.connection.ensure_connection()
        super().runshell(parameters)


class DatabaseWrapper(base.DatabaseWrapper):
    """The ordinary backend with a server of its own; the folder is `VAR` in DATABASES."""

    client_class = DatabaseClient

    @property
    def server(self) -> EmbeddedServer:
        """The server this connection belongs to."""
        return server_for(Path(self.settings_dict["VAR"]))

    def get_connection_params(self) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_connection_params()
        parameters["host"] = str(self.server.place.socket)
        return parameters

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; on failure bring the server up and connect again.

        Raises psycopg's OperationalError, which Django turns into its own, also for a server that
        cannot be brought up.
        """
        self._use_server(bring_up=self._opens_pool())
        if self._opens_pool():
            self.close_pool()  # made before the first start, which may have moved the socket
        for _ in range(ATTEMPTS - 1):
            try:
                return super().get_new_connection(conn_params)
            except self.Database.OperationalError:
                # Harmless when the server is up and the refusal was meant: it is just repeated.
                was_down = self._use_server(bring_up=True)
                if self.pool is not None:
                    if not was_down:
                        raise  # all its connections are in use; waiting again will not help
                    self.close_pool()
                conn_params["host"] = str(self.server.place.socket)
        return super().get_new_connection(conn_params)

    def _use_server(self, *, bring_up: bool) -> bool:
        """Count as a user, bring the server up if asked to; returns whether it had been down."""
        try:
            self.server.enter()
            return bring_up and self.server.ensure()
        except EmbeddedPostgresError as error:
            raise self.Database.OperationalError(str(error)) from error

    def _opens_pool(self) -> bool:
        """A pool connects in threads of its own and waits long for a server nobody starts."""
        return self.pool is not None and self.pool.closed
