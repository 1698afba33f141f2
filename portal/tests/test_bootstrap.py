"""A fresh machine, an interrupted install, a changed file: `bootstrap.py` ends with a `.venv` that has the packages."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import os
import re
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import bootstrap
from portal.supervisor.console import Console

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one pinned requirement, `tiny`, that pip finds offline; in a folder with a space in its name."""
    folder = tmp_path / "my project"
    folder.mkdir()
    (tmp_path / "wheels").mkdir()
    wheel = tmp_path / "wheels/tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "answer = 42\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements.txt").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheel.parent),
        "PIP_CONFIG_FILE": os.devnull,
    }.items():
        monkeypatch.setenv(name, value)
    return folder


def prepare(project: Path) -> str:
    """Prepare the project's environment; returns what people saw."""
    said = io.StringIO()
    bootstrap.Environment(project / ".venv").prepare(project / "requirements.txt", Console(said))
    return said.getvalue()


def answer(project: Path) -> str:
    python = str(project / ".venv/bin/python")
    done = subprocess.run([python, "-c", "import tiny; print(tiny.answer)"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def is_ready(project: Path) -> bool:
    return bootstrap.Environment(project / ".venv").is_ready(project / "requirements.txt")


def test_a_fresh_project_gets_its_packages(project):
    assert not is_ready(project)
    said = prepare(project)
    assert re.search(r"✓ virtual environment +\d+\.\d s\n +✓ packages of requirements.txt +\d+\.\d s", said)
    assert is_ready(project)
    assert answer(project) == "42"
    assert prepare(project) == ""


def test_changed_requirements_are_installed_at_the_next_start(project):
    prepare(project)
    (project / "requirements.txt").open("a").write("# one more\n")
    assert not is_ready(project)
    assert "virtual environment" not in prepare(project)
    assert is_ready(project)


def test_an_interrupted_install_starts_over(project):
    prepare(project)
    half_installed = next((project / ".venv").glob("lib/python*/site-packages")) / "half.py"
    half_installed.touch()
    (project / ".venv/unfinished").touch()
    assert not is_ready(project)
    prepare(project)
    assert not half_installed.exists()
    assert answer(project) == "42"


def test_an_environment_whose_python_is_gone_is_built_again(project):
    prepare(project)
    python = project / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert not is_ready(project)
    prepare(project)
    assert answer(project) == "42"


def test_a_package_with_another_hash_is_refused_and_leaves_no_half_environment(project):
    right = (project / "requirements.txt").read_text()
    (project / "requirements.txt").write_text("tiny==1.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(bootstrap.CannotPrepare, match=r"(?s)DO NOT MATCH THE HASHES.*The way out: check the network"):
        prepare(project)
    (project / "requirements.txt").write_text(right)
    prepare(project)
    assert answer(project) == "42"


def test_two_first_starts_take_turns(project):
    script = "import bootstrap, sys; from pathlib import Path; from portal.supervisor.console import Console\n"
    script += "p = Path(sys.argv[1]); bootstrap.Environment(p / '.venv').prepare(p / 'requirements.txt', Console())"
    command = [sys.executable, "-c", script, str(project)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("✓ packages" in text for text in said) == 1
    assert sum("waiting for it" in text for text in said) <= 1
    assert answer(project) == "42"


@pytest.fixture
def no_pip_outside(project, monkeypatch):
    """The Python that runs us has no pip. (What runs this test may itself be such a one.)"""
    bare = project / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    base = sys._base_executable  # type: ignore[attr-defined]
    monkeypatch.setattr(sys, "executable", str(bare / "bin/python"))
    monkeypatch.setattr(bootstrap, "_pip_version", without(base, bootstrap._pip_version))


def without(base, pip_version):
    """``pip_version`` as it would be if the Python ``base`` had no pip."""
    return lambda pip: () if pip[0] == base else pip_version(pip)


@pytest.mark.skipif(not importlib.util.find_spec("ensurepip"), reason="this Python comes without ensurepip")
def test_without_pip_outside_the_environment_gets_its_own(project, no_pip_outside):
    prepare(project)
    assert (project / ".venv/bin/pip3").exists()
    assert answer(project) == "42"


def test_without_pip_and_without_ensurepip_the_way_out_is_named(project, no_pip_outside, monkeypatch):
    """Debian's python3 without python3-pip and python3-venv."""
    (project / "ensurepip").mkdir()
    (project / "ensurepip/__init__.py").touch()  # hides the real one, has nothing to run
    monkeypatch.setenv("PYTHONPATH", str(project))
    with pytest.raises(bootstrap.CannotPrepare, match="apt install python3-pip"):
        prepare(project)


def test_a_ready_environment_is_entered_and_then_stayed_in(project, monkeypatch):
    entered: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "ROOT", project)
    monkeypatch.setattr(bootstrap, "in_a_virtualenv_with", lambda _package: False)
    monkeypatch.setattr(os, "execv", lambda _program, words: entered.append(words))
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-X", "dev", "manage.py", "up"])
    bootstrap.enter("requirements.txt")
    assert entered == [[str(project / ".venv/bin/python"), "-X", "dev", "manage.py", "up"]]

    monkeypatch.setattr(sys, "prefix", str(project / ".venv"))
    bootstrap.enter("requirements.txt")
    assert len(entered) == 1


def test_an_environment_of_ones_own_that_has_the_packages_is_left_alone(project, monkeypatch):
    """The Docker image, or a virtualenv that somebody activated."""
    monkeypatch.setattr(bootstrap, "ROOT", project)
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("must not leave"))
    bootstrap.enter("requirements.txt")
    assert not (project / ".venv").exists()


def test_an_old_python_is_told_so(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "argv", ["manage.py", "up"])
    with pytest.raises(SystemExit, match=r"needs Python 3.11 or newer; .* is 3.9. .*: python3.11 manage.py up"):
        runpy.run_path(str(ROOT / "manage.py"), run_name="__main__")


def test_an_old_python_can_read_the_file_that_tells_it():
    ast.parse((ROOT / "manage.py").read_text(), feature_version=(3, 5))


def test_the_way_into_the_environment_needs_nothing_but_the_standard_library():
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import bootstrap"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_development_requirements_hold_every_pin_of_the_others():
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.txt") - pins("requirements-dev.txt") == set()
