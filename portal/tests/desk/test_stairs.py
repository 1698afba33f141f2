"""Limits over time, as they are drawn."""

from __future__ import annotations

from django.utils import translation

from portal.views.stairs import HEIGHT, WIDTH, Line, drawing


def drawn(*points, unit="W"):
    return drawing([Line("limit", "is-new", points)], span_s=100, unit=unit, hours=["12:00", "13:00"])


def test_a_limit_holds_until_the_next_one_and_the_last_until_the_end():
    (line,) = drawn((0, 16), (50, 8), unit="A")["lines"]  # below 20 A
    assert line["path"] == f"M0.0 {HEIGHT * 0.2}H{WIDTH / 2}L{WIDTH / 2} {HEIGHT * 0.6}H{WIDTH:.1f}"


def test_where_nobody_says_a_limit_the_pen_is_lifted():
    assert drawn((0, 16), (25, None), (50, 16), unit="A")["lines"][0]["path"].count("M") == 2


def test_the_words_stand_from_the_highest_to_nothing_with_the_readers_decimals():
    with translation.override("de"):
        grid = drawn((0, 4_500))["grid"]
    assert [line["word"] for line in grid] == ["5 kW", "3,75 kW", "2,5 kW", "1,25 kW", "0 kW"]
    assert [line["y"] for line in grid] == [0, HEIGHT / 4, HEIGHT / 2, HEIGHT * 3 / 4, HEIGHT]
