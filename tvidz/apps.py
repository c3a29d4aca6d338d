from django.apps import AppConfig


class TvidzConfig(AppConfig):
    name = "tvidz"
    verbose_name = "tvidz"

    def ready(self) -> None:
        from tvidz import checks  # noqa: F401
