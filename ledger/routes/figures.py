# SPDX-License-Identifier: EUPL-1.2
"""The state of a log, of its chain, and of the other logs here, with charts and the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from ledger.figures import (
    ANCHORS_SHOWN,
    DAYS_SHOWN,
    Waiting,
    anchor_delays,
    draw,
    growth_by_day,
    waiting_anchors,
)
from ledger.routes import words
from ledger.routes.pages import find_log, other_name
from ledger.routes.witnesses import witnessed
from ledger.services import services
from ledger.trust import validator_sets
from ledger.values import LogCondition, LogState, ShownAnchor
from protocol.deadlines import ZONE

bp = Blueprint("figures", __name__)


@bp.get("/state")
def state() -> ResponseReturnValue:
    """Show how a log grew, how long its anchors took, and what is known of its chain."""
    log = find_log()
    known = services()
    if log is None:
        return render_template("ledger/state.html", log=None)
    _, anchors = known.publication.anchors(log=log.name)
    growth = growth_by_day(
        known.publication.find_first_settled(log.name),
        partial(known.publication.anchored_before, log.name),
        today=known.clock.now().astimezone(ZONE).date(),
        zone=ZONE,
    )
    delays = anchor_delays(anchors)
    newest = known.publication.find_final_anchor(log=log.name)
    waiting = _waiting(log, anchors)
    lengths = [*(each.delay for each in delays), *(each.so_far for each in waiting)]
    return render_template(
        "ledger/state.html",
        log=log,
        witnessed=witnessed(log),
        other=other_name(log),
        logs=known.publication.logs(),
        current=known.settings.log,
        is_open=log.condition is LogCondition.OPEN,
        validators=_sealing_now(known.settings.validators),
        growth=growth,
        growth_chart=draw([each.added for each in growth]),
        delays=delays,
        delay_chart=draw([each.total_seconds() for each in lengths], still_open=len(waiting)),
        waiting=waiting,
        newest=newest,
        unsettled=sum(not each.is_settled for each in anchors),
        seconds=words.seconds,
        days_shown=DAYS_SHOWN,
        anchors_shown=ANCHORS_SHOWN,
    )


def _waiting(log: LogState, anchors: Sequence[ShownAnchor]) -> tuple[Waiting, ...]:
    """Return what waits for the chain; nothing does where there is none."""
    if log.chain_id is None:
        return ()
    known = services()
    signed_after = partial(known.publication.find_signed_after, log.name)
    return waiting_anchors(anchors, size=log.size, signed_after=signed_after, now=known.clock.now())


def _sealing_now(named: frozenset[str]) -> tuple[str, ...]:
    """Return who seals blocks today, of all whom the setting names."""
    sets = validator_sets(named)
    return sets[-1].addresses if sets else ()
