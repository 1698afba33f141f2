from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "issues"

    def ready(self) -> None:
        from issues import bell  # noqa: F401 - its receiver rings for what is to be told
