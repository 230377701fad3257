"""The states that a rep walks through, and how its row is written with all that follows."""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi import starts
from pi.store.changes import next_change
from pi.store.records import Rep, WrongStep
from pi.store.rows import rep_by_id, starts_by_rep
from pi.tables import rep_table, start_table, turn_table

# A rep's steps. A state without steps is an ending.
STEPS: dict[str, tuple[str, ...]] = {
    "requested": ("settling", "aborted", "failed"),
    "settling": ("holding", "aborted", "failed"),
    "holding": ("running", "false_start", "aborted", "failed"),
    "running": ("analysing", "aborted", "failed"),
    "analysing": ("done", "false_start", "failed"),
    "done": (),
    "false_start": (),
    "aborted": (),
    "failed": (),
}
ACTIVE = tuple(state for state, steps in STEPS.items() if steps)
CHANGEABLE = frozenset(
    "state reason posture lead_leg athlete_id settings settled_ns set_ns go_before_ns go_after_ns"
    " hold_s ended_ns stop_asked go_asked result deleted_at requested_at dated".split()
)


def write_rep(connection: Connection, rep: Rep, **columns: Any) -> Rep:
    """Write columns of a rep, what follows from them, and that it changed."""
    unknown = columns.keys() - CHANGEABLE
    if unknown:
        raise ValueError(f"{', '.join(sorted(unknown))}: cannot be changed")
    state = columns.get("state", rep.state)
    if "state" in columns and state not in STEPS[rep.state]:
        raise WrongStep(f"rep {rep.id} cannot go from {rep.state} to {state}")
    if rep.active and not STEPS[state]:
        columns["active"] = None
        columns.setdefault("ended_ns", time.monotonic_ns())
    if not STEPS[state]:
        result = columns.get("result", rep.result)
        columns["status"] = result["status"] if result else state
    if "result" in columns:
        told = {} if rep.drill.get("game") else (columns["result"] or {}).get("reaction_s") or {}
        columns |= {"reaction_s": told.get("value"), "reaction_u": told.get("u")}
        columns["seen_leg"] = (columns["result"] or {}).get("lead_leg")
    columns["changed"] = next_change(connection)
    connection.execute(sa.update(rep_table).where(rep_table.c.id == rep.id).values(**columns))
    changed = rep_by_id(connection, rep.id)
    if rep.active and not changed.active:
        _end_turns(connection, changed)
    if changed.drill.get("players"):
        _tell_starts(connection, changed)
    return changed


def waits_again() -> sa.ColumnElement[str]:
    """The state of a turn that is still to be made: of who is absent by now it does not wait."""
    return sa.case((turn_table.c.absent, "away"), else_="waiting")


def _end_turns(connection: Connection, rep: Rep) -> None:
    """A start that came to its end is done; one that was called back or stopped waits again.

    Of lanes each by itself: whoever moved before the signal starts again, the others do not.
    """
    column = turn_table.c
    own = sa.and_(column.rep_id == rep.id, column.state == "up")
    again = {"state": waits_again(), "rep_id": None}
    if rep.state != "done":
        connection.execute(sa.update(turn_table).where(own).values(**again))
        return
    for start in starts_by_rep(connection, [rep.id]).get(rep.id, []):
        told = starts.told_of(rep.result, start.lane)
        if told and told["status"] == "false_start":
            his = column.athlete_id.is_not_distinct_from(start.athlete_id)
            connection.execute(sa.update(turn_table).where(own, his).values(**again))
    connection.execute(sa.update(turn_table).where(own).values(state="done"))


def _tell_starts(connection: Connection, rep: Rep) -> None:
    """Repeat beside a rep with lanes, for each of its athletes, what boards read."""
    column = start_table.c
    for start in starts_by_rep(connection, [rep.id]).get(rep.id, []):
        told = rep.result and starts.own_result(rep.result, start.lane, own=start.own)
        counts = told is not None and rep.state == "done"
        compared = counts and not rep.drill.get("game")
        reaction = ((told or {}).get("reaction_s") or {}) if compared else {}
        connection.execute(
            sa.update(start_table)
            .where(column.rep_id == rep.id, column.lane == start.lane)
            .values(
                posture=rep.posture,
                status=told["status"] if told and counts else rep.status,
                reaction_s=reaction.get("value"),
                reaction_u=reaction.get("u"),
                seen_leg=told.get("lead_leg") if told and counts else None,
                deleted_at=rep.deleted_at,
            )
        )
