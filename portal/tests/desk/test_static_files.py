from __future__ import annotations

import re
from pathlib import Path

from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[3]


def test_every_file_that_a_style_or_page_names_is_there(settings, tmp_path):
    """collectstatic with the production storage fails on any reference into nothing."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    manifest = (tmp_path / "staticfiles.json").read_text()
    for template in ROOT.glob("templates/**/*.html"):
        for name in re.findall(r'{% static "([^"]+)" %}', template.read_text()):
            assert f'"{name}"' in manifest, f"{template.name} names {name}"


def test_the_page_of_last_resort_finds_its_style_without_a_look_up():
    named = re.findall(r'(?:src|href)="/static/([^"#]+)', (ROOT / "templates/500.html").read_text())
    assert named and all((ROOT / "static" / name).is_file() for name in named)


def test_every_icon_that_is_named_is_drawn():
    sprite = (ROOT / "static/img/icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    for template in ROOT.glob("templates/**/*.html"):
        named = set(re.findall(r'{% icon "([^"]+)" %}', template.read_text()))
        assert named <= drawn, f"{template.name} names {named - drawn}"


def test_vendored_files_are_listed_with_their_licence():
    table = (ROOT / "static/vendor/README.md").read_text()
    for folder in (ROOT / "static/vendor").iterdir():
        if folder.is_dir():
            name, version = folder.name.rsplit("-", 1)
            assert version in table, f"{name} {version} is missing in static/vendor/README.md"
            assert (folder / "LICENSE").is_file(), f"{folder.name} has no licence file"
