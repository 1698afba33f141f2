"""Sites for tests: trees of limits with cars on one or three phases."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from smartcharging.allocation import Network


def plain(*limits):
    """(limit, 1, 0, 1): who presses on it."""
    return Network(np.array([row for _, *row in limits], float), np.array([limit for limit, *_ in limits], float))


@st.composite
def trees(draw, most=12):
    """A connection of three phases with up to three circuits below; each EVSE on one circuit, one or three phases."""
    count = draw(st.integers(1, most))
    circuits = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    phases = draw(st.lists(st.sampled_from([(0,), (1,), (2,), (0, 1, 2)]), min_size=count, max_size=count))
    rows, limits = [], []
    for members in (np.ones(count, bool), *(circuits == n for n in range(3))):
        for phase in range(3):
            rows.append(members & np.array([phase in of for of in phases]))
            limits.append(draw(st.floats(0, 120)))
    return Network(np.array(rows, float), np.array(limits))


@st.composite
def deltas(draw, most=8):
    """Cars between two phases each, on a transformer whose lines carry the difference of two phasors."""
    count = draw(st.integers(1, most))
    pairs = np.array(draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)))
    phasors = np.exp(1j * np.deg2rad(np.array([30.0, -90.0, 150.0])))[pairs]
    rows = [phasors * ((pairs == a) * 1.0 - (pairs == b)) for a, b in ((0, 2), (1, 0), (2, 1))]
    return Network(np.array(rows), np.full(3, draw(st.floats(0, 150))))
