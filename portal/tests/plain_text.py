"""What a template says in plain English: text outside translation tags, and strings that its tags will show."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.template.base import Lexer, Token, TokenType

# The same in every language: names, units, formats, examples of what to type.
NAMES = {
    "Chargeyard", "OCPP", "REST", "API", "CSV", "JSON", "PEM", "URL", "UTC", "WebSocket", "TLS", "RFID", "EVSE",
    "UUID", "SHA", "MQTT", "Redis", "ID", "PIN", "DC", "AC", "SoC", "HTTP", "HTTPS", "FTP", "SFTP", "ISO", "SQL", "MCC",
    "ICCID", "IMSI", "OCMF", "VIN", "CA", "CN", "SteVe", "Excel", "Ctrl", "Esc",
    "kg", "kWh", "Wh", "MWh", "kW", "MW", "W", "A", "V", "Hz", "s", "min", "h", "ms", "KiB", "MB", "MHz", "kbit", "EUR",
    "CALL", "CALLRESULT", "CALLERROR", "SEND", "e", "g", "x", "K", "L", "N", "p",
}  # fmt: skip
UNREAD = {"blocktranslate", "comment"}
# Attributes that people read or hear.
SPOKEN = {"title", "aria-label", "aria-description", "placeholder", "alt", "label", "aria-valuetext", "data-word"}
SILENT = {"script", "style", "code", "pre", "kbd", "svg", "samp"}
# Filters and tags whose strings are shown.
SHOWN_FILTERS = re.compile(r"\|(?:default|default_if_none|yesno|add):\s*(\"[^\"]*\"|'[^']*')")
SHOWN_TAGS = {"sort", "copy", "state", "status_state", "include", "firstof", "cycle"}
ARGUMENT = re.compile(r"(?:(\w+)=)?(_\()?(\"[^\"]*\"|'[^']*')")
WORD = re.compile(r"[^\W\d_]+")


def plain_text(source: str) -> list[str]:
    """Every piece of English in a template that no translator sees."""
    shown, found, is_in_block = "", [], False
    for token in Lexer(source).tokenize():
        name = token.contents.split(maxsplit=1)[0] if token.contents.strip() else ""
        if token.token_type == TokenType.BLOCK and name.removeprefix("end") in UNREAD:
            is_in_block = not name.startswith("end")
        elif is_in_block or token.token_type == TokenType.COMMENT:
            continue
        elif token.token_type == TokenType.TEXT:
            shown += token.contents
        else:
            shown += "0" if token.token_type == TokenType.VAR else " "
            found += _strings_of(name, token)
    reader = _Reader()
    reader.feed(shown)
    reader.close()
    return [text for text in [*found, *reader.found] if _is_english(text)]


def _strings_of(tag: str, token: Token) -> list[str]:
    found = [match[1][1:-1] for match in SHOWN_FILTERS.finditer(token.contents)]
    if re.search(r"\|pluralize\b", token.contents):
        found.append(f"pluralize makes English endings: {token.contents}")
    if token.token_type == TokenType.BLOCK and tag in SHOWN_TAGS:
        # The first string is the name of a template, a state or a column; `look=` and the like are for machines.
        for name, is_marked, text in ARGUMENT.findall(token.contents)[1:]:
            if not is_marked and name in {"", "label", "word", "title", "text"}:
                found.append(text[1:-1])
    return found


def _is_english(text: str) -> bool:
    return any(word not in NAMES for word in WORD.findall(text))


class _Reader(HTMLParser):
    """Collects what is seen and what is read aloud."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        self.found += [value for name, value in attrs if value and name in SPOKEN]
        if tag == "input" and ("type", "submit") in attrs:
            self.found += [value for name, value in attrs if value and name == "value"]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(data.strip())
