"""The state folder (`CHARGEYARD_HOME`, default `var/`): what lies where, and what the environment says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Home:
    """Paths below one state folder."""

    folder: Path

    @classmethod
    def named_by(cls, environ: Mapping[str, str], *, root: Path) -> Home:
        """The folder that ``CHARGEYARD_HOME`` names, or ``var`` in the project folder."""
        return cls(Path(environ.get("CHARGEYARD_HOME") or root / "var").expanduser().absolute())

    @property
    def lock(self) -> Path:
        return self.folder / "up.lock"

    @property
    def ports(self) -> Path:
        return self.folder / "ports.json"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def admin_password(self) -> Path:
        return self.folder / "admin-password.txt"

    @property
    def demo_fleet(self) -> Path:
        return self.folder / "demo-fleet.json"

    @property
    def embedded_env(self) -> Path:
        return self.folder / "embedded.env"

    def create(self) -> None:
        """Make the folder, for its owner only: it holds keys, passwords and the database."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)

    def read_admin_password(self) -> str:
        """The password of the `admin` user that we made, or ""."""
        try:
            return self.admin_password.read_text().strip()
        except FileNotFoundError:
            return ""

    def tell_other_commands(self, env: Mapping[str, str]) -> None:
        """Write where the embedded parts are, for `manage.py` commands that are typed while the yard runs."""
        self.embedded_env.write_text("".join(f"{name}={value}\n" for name, value in env.items()))

    def sqlite_database(self, environ: Mapping[str, str], *, root: Path) -> Path | None:
        """The SQLite file of the yard, or None when `DATABASE_URL` names another kind of database."""
        url = value_of(environ, "DATABASE_URL")
        if not url:
            return self.folder / "chargeyard.sqlite3"
        parts = urlsplit(url)
        return root / unquote(parts.path[1:]) if parts.scheme == "sqlite" else None


def value_of(environ: Mapping[str, str], name: str) -> str:
    """The value of ``name``, or the content of the file that ``name_FILE`` names, or ""."""
    if path := environ.get(f"{name}_FILE"):
        return environ.get(name) or Path(path).read_text().strip()
    return environ.get(name, "")
