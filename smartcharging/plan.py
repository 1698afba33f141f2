"""A plan ahead: how much each car should draw in each quarter of an hour until it leaves. Optional; pure arithmetic.

Sharing now (`smartcharging.allocation`) looks at each car's need alone. Where a site is so full that not every need can
be met, it pays to look at all of them together, over time: a linear programme, solved by HiGHS. Its first column goes
into `allocation.share` as ``plan_a``; what the plan leaves, for it sees no cars that are yet to come, is shared there.
"""

from __future__ import annotations

import numpy as np

from chargers.sentences import phrase
from smartcharging.allocation import Floats, Network

FACETS = 16
"""A limit on a sum of phasors is a circle; the plan keeps within a polygon in it, and loses 1.9 % at its sides."""
HORIZON_H = 12.0
EARLY = 1e-3
"""What an hour of delay costs, as a share of the value of the energy: earlier, if all else is equal."""

# Told to people, see chargers/sentences.py.
NO_PLAN = phrase("There is no plan for this site: {why}")


def ahead(
    network: Network,
    upper_a: Floats,
    rest_ah: Floats,
    left_h: Floats,
    *,
    price: Floats | None = None,
    slot_h: float = 0.25,
) -> Floats:
    """Amperes per phase for each EVSE (row) and slot (column) from now on.

    ``rest_ah``: what is missing, in ampere-hours per phase; ``left_h``: until departure, NaN where nobody knows.
    ``price``: of energy in each slot, relative to the worth of a full car (1); what is dearer is not planned.
    The value is as much energy as possible, as cheap as possible, as early as possible. Raises ValueError if there is
    no plan, which only a network that bears nothing can cause.
    """
    # Here, because it is a third of what each of our processes loads at its start, and most never plan.
    from scipy.optimize import linprog
    from scipy.sparse import block_diag, csr_matrix, vstack

    who = np.flatnonzero((upper_a > 0) & (rest_ah > 0) & ~(left_h <= 0))
    stays = np.where(np.isnan(left_h), HORIZON_H, np.minimum(left_h, HORIZON_H))
    slots = max(1, int(np.ceil(stays[who].max(initial=slot_h) / slot_h)))
    planned = np.zeros((len(upper_a), slots))
    if not who.size:
        return planned
    starts = np.arange(slots) * slot_h
    present = np.clip((stays[who, None] - starts) / slot_h, 0.0, 1.0)  # the part of a slot that a car is there
    upper = upper_a[who, None] * present
    cost = np.zeros(slots) if price is None else np.resize(price, slots)
    value = np.broadcast_to(1.0 - cost - EARLY * starts, upper.shape)
    rows, bounds = _polygons(network, who)
    # Variables are car by car, slot by slot; limits bind slot by slot, so they are laid out by slot first.
    by_slot = np.arange(len(who) * slots).reshape(len(who), slots).T.ravel()
    limits = block_diag([csr_matrix(rows)] * slots, format="csr")[:, np.argsort(by_slot, kind="stable")]
    energy = block_diag([csr_matrix(np.full((1, slots), slot_h))] * len(who), format="csr")
    found = linprog(
        -value.ravel(),
        A_ub=vstack([limits, energy]),
        b_ub=np.concatenate([np.tile(bounds, slots), rest_ah[who]]),
        bounds=np.column_stack([np.zeros(upper.size), upper.ravel()]),
        method="highs",
    )
    if found.x is None:
        raise ValueError(NO_PLAN.format(why=found.message))
    planned[who] = found.x.reshape(len(who), slots)
    return planned


def _polygons(network: Network, who: np.ndarray) -> tuple[Floats, Floats]:
    """The limits as straight lines: those of phasors as the sides of a polygon within the circle."""
    coefficients, limits = network.coefficients[:, who], network.limits_a
    if network.is_plain:
        return np.asarray(coefficients), limits
    rows: list[Floats] = []
    bounds: list[float] = []
    for row, limit in zip(coefficients, limits, strict=True):
        towards = np.conj(row[np.argmax(np.abs(row))])
        along = row * (towards / max(abs(towards), 1e-9))  # as seen from the largest of them
        in_step = bool(np.all(np.abs(along.imag) < 1e-9) and np.all(along.real >= 0))
        turns = np.zeros(1) if in_step else 2 * np.pi * np.arange(FACETS) / FACETS
        rows += [(along * np.exp(-1j * turn)).real for turn in turns]
        bounds += [float(limit) * (1.0 if in_step else np.cos(np.pi / FACETS))] * len(turns)
    return np.array(rows), np.array(bounds)
