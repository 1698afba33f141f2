from __future__ import annotations

import contextlib
import gzip
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal import dumps
from portal.dumps import Dump, TooMany
from portal.sheets import Unreadable

TABLE = "CREATE TABLE `tag` (\n  `pk` int NOT NULL COMMENT 'a; b, (c)',\n  `text` text,\n  PRIMARY KEY (`pk`)\n);\n"


def read(text: str, **more: Any) -> Dump:
    return dumps.read(io.StringIO(text), {"tag": ("pk", "text")}, **more)


def rows(text: str) -> list[tuple[str | None, str | None]]:
    return [(row["pk"], row["text"]) for row in read(TABLE + text).tables["tag"]]


def escaped(text: str) -> str:
    """As mysql_real_escape_string does it."""
    pairs = {"\\": "\\\\", "\0": "\\0", "\n": "\\n", "\r": "\\r", "'": "\\'", '"': '\\"', "\x1a": "\\Z"}
    return "".join(pairs.get(sign, sign) for sign in text)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5),
    st.booleans(),
    st.integers(1, 9),
)
def test_what_a_server_escapes_comes_back_as_it_was(texts, is_extended, portion):
    told = [f"({number},'{escaped(text)}')" for number, text in enumerate(texts)]
    heads = [f"INSERT INTO `tag` VALUES {some};\n" for some in ([",\n".join(told)] if is_extended else told)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dumps, "PORTION", portion)  # a statement comes in pieces
        assert rows("".join(heads)) == [
            (str(number), {"\0": "0", "\1": "1"}.get(text, text)) for number, text in enumerate(texts)
        ]


@given(st.text("IN SERTO`tag'\"();,\\-#/*VALUES01\n;"))
def test_whatever_text_comes_is_read_or_refused(text):
    with contextlib.suppress(Unreadable):
        assert read(TABLE + text).tables.keys() == {"tag"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("NULL", None),
        ("-47.5", "-47.5"),
        ("1.5e3", "1.5e3"),
        ("b'1'", "1"),
        ("b'0'", "0"),
        ("0x01", "1"),
        ("_binary '\\0'", "0"),
        ("'\1'", "1"),
        ("0x4131", "A1"),
        ("X'4131'", "A1"),
        ("_utf8mb4'it''s'", "it's"),
        ('"a ""b"" \'\'"', "a \"b\" ''"),
        ("'100\\% \\q'", "100\\% q"),
        ("'a);INSERT INTO `tag` VALUES (9,'' '", "a);INSERT INTO `tag` VALUES (9,' "),
        ("'-- no comment /* nor # here'", "-- no comment /* nor # here"),
    ],
)
def test_a_value_is_what_the_server_means_by_it(value, said):
    assert rows(f"INSERT INTO `tag` VALUES (1,{value});") == [("1", said)]


@pytest.mark.parametrize(
    "head", ["INSERT IGNORE INTO tag", "REPLACE INTO `stevedb`.`tag`", 'insert into "tag"', "INSERT INTO `TAG`"]
)
def test_every_way_to_say_insert_is_known(head):
    assert rows(f"{head} VALUES (1,'x') ON DUPLICATE KEY UPDATE `text`='y';") == [("1", "x")]
    assert rows(f"{head} (`text`, `pk`) VALUES ('x',1),('y',2);") == [("1", "x"), ("2", "y")]


@pytest.mark.parametrize(
    "value", ["NOW()", "(SELECT 1)", "1+1", "LOAD_FILE('/etc/passwd')", "@secret", "'a' 'b'", "0xZZ"]
)
def test_nothing_is_worked_out(value):
    with pytest.raises(Unreadable, match="no plain value"):
        rows(f"INSERT INTO `tag` VALUES (1,{value});")


def test_what_a_server_would_do_is_passed_over():
    trigger = "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN\nINSERT INTO tag VALUES (8,'no');\nEND;;\n"
    text = (
        "-- Host: localhost; Database: O'Brien\nINSERT INTO `tag` VALUES (1,'yes');\n"
        "/*!50001 INSERT INTO `tag` VALUES (7,'no') */;\n# INSERT INTO `tag` VALUES (6,'no');\n"
        f"DELIMITER ;;\n{trigger}DELIMITER ;\nDROP TABLE `tag`;\nINSERT INTO `tag` SELECT 9,'no';\n"
        f"DELIMITER $$\n{trigger.replace(';;', '$$')}DELIMITER ;\nINSERT INTO `other` VALUES (NOW());\n"
    )
    assert rows(text) == [("1", "yes")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("INSERT INTO `tag` VALUES (1,'cut", 'ends in the middle of a statement: "INSERT INTO'),
        ("INSERT INTO `tag` VALUES (1);", "1 values for 2 columns"),
        ("DELIMITER ;;\nCREATE TRIGGER", "ends in the middle"),
    ],
)
def test_what_cannot_be_read_is_named(text, why):
    with pytest.raises(Unreadable, match=why):
        rows(text)


def test_rows_without_the_names_of_their_columns_are_not_guessed():
    with pytest.raises(Unreadable, match="--complete-insert"):
        read("INSERT INTO `tag` VALUES (1,'x');")


def test_a_statement_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(dumps, "LONGEST_STATEMENT", 1000)
    with pytest.raises(Unreadable, match="has no end"):
        read("INSERT INTO `tag` VALUES " + "(1,'x')," * (dumps.PORTION // 4))


def test_no_more_rows_than_asked_for():
    with pytest.raises(TooMany, match="more than 1 rows"):
        read(TABLE + "INSERT INTO `tag` VALUES (1,'x'),(2,'y');", most_rows=1)


def test_whether_times_are_utc_is_said_by_the_dump():
    insert = "INSERT INTO `tag` VALUES (1,'SET TIME_ZONE=''+00:00''');"
    assert not read(TABLE + insert).is_utc
    assert read(f"/*!40103 SET TIME_ZONE='+00:00' */;\n{TABLE}{insert}").is_utc
    assert read(f'SET time_zone = "+00:00";\n{TABLE}{insert}').is_utc
    assert not read(f"{TABLE}{insert}\nSET TIME_ZONE='+00:00';").is_utc


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_is_opened_whichever_shell_wrote_it(encoding, is_packed):
    content = "Süd".encode(encoding)
    raw = io.BytesIO(gzip.compress(content) if is_packed else content)
    with dumps.opened(raw, may_be_packed=True) as stream:
        assert stream.read() == "Süd"
