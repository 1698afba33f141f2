"""What a charger itself knows about tokens: the local list the CSMS sent, and a cache of past answers. Pure."""

from __future__ import annotations

from gateway.simulator.configuration import Configuration

ACCEPTED = "Accepted"


class LocalTokens:
    """Token → status. Tokens compare without case (CiString / identifierString)."""

    __slots__ = ("_cache", "_list", "_settings", "version")

    def __init__(self, settings: Configuration) -> None:
        self._settings = settings
        self._list: dict[str, str] = {}
        self._cache: dict[str, str] = {}
        self.version = 0

    def remember(self, token: str, status: str) -> None:
        if self._settings.is_on("authorization_cache"):
            self._cache[token.upper()] = status

    def forget(self) -> bool:
        """Clear the cache; False if it is switched off."""
        self._cache.clear()
        return self._settings.is_on("authorization_cache")

    def replace(self, version: int, statuses: dict[str, str | None]) -> None:
        self._list = {token.upper(): status for token, status in statuses.items() if status is not None}
        self.version = version

    def update(self, version: int, statuses: dict[str, str | None]) -> bool:
        """Apply a differential update (None deletes); False when it is not newer than what is here."""
        if version <= self.version:
            return False
        for token, status in statuses.items():
            if status is None:
                self._list.pop(token.upper(), None)
            else:
                self._list[token.upper()] = status
        self.version = version
        return True

    def allows_offline(self, token: str) -> bool:
        """May this token charge while the CSMS cannot be asked? The list goes before the cache."""
        if not self._settings.is_on("local_authorize_offline"):
            return False
        status = self._list.get(token.upper(), self._cache.get(token.upper()))
        if status is None:
            return self._settings.is_on("offline_unknown_token")
        return status == ACCEPTED
