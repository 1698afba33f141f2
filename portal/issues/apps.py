from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "portal.issues"
    label = "issues"

    def ready(self) -> None:
        from portal.issues import bell, sentences  # noqa: F401 - a receiver that rings, and what rules say
