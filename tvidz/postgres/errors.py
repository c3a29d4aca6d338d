"""What goes wrong with the embedded PostgreSQL, said in words an operator can act on."""


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be started, reached or stopped; the message says why."""
