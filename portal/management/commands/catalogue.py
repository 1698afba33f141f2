"""`python3 manage.py catalogue`: bring the translations up to date with templates and modules, and compile them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from portal import catalogue


class Command(BaseCommand):
    help = "Bring locale/ up to date with templates and modules, and compile it. Tells what waits for a translation."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            import polib
        except ImportError as missing:
            raise CommandError("polib is not installed: `python3 manage.py test --version` brings it.") from missing
        for language in catalogue.languages():
            paths = {name: catalogue.path_of(name, language) for name in catalogue.NAMES}
            known = [entry for path in paths.values() if path.exists() for entry in polib.pofile(str(path))]
            for name, sentences in catalogue.collect().items():
                made = catalogue.fresh(sentences, language, known)
                paths[name].parent.mkdir(parents=True, exist_ok=True)
                made.save(str(paths[name]))
                paths[name].with_suffix(".mo").write_bytes(made.to_binary())
                waiting = made.untranslated_entries() + made.fuzzy_entries()
                self.stdout.write(f"{language} {name}: {len(made)} sentences, {len(waiting)} wait for a translation.")
                for entry in waiting:
                    self.stdout.write(f"  {entry.msgid!r}")
