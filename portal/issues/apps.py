from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "portal.issues"
    label = "issues"

    def ready(self) -> None:
        from portal.issues import bell  # noqa: F401 - its receiver rings for what is to be told
