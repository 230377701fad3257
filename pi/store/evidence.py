"""What a rep was measured from, kept beside it; a film of it for a day."""

import time

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pi.store import stamps
from pi.store.athletes import check_agreed, who_is_in
from pi.store.connection import Connected
from pi.store.records import Evidence
from pi.store.rows import rep_by_id
from pi.store.states import write_rep
from pi.tables import evidence_table, rep_table

CLIP_KEPT_NS = 86_400_000_000_000  # a film of somebody: a day


class KeptEvidence(Connected):
    """Pictures, observations and clips, by rep and kind."""

    def save_evidence(self, rep_id: int, kind: str, media_type: str, data: bytes) -> None:
        """Keep what a rep was measured from; a second one of a kind replaces the first."""
        with self._writing() as connection:
            rep_by_id(connection, rep_id)
            _put(connection, rep_id, kind, media_type, data)

    def evidence(self, rep_id: int, kind: str) -> Evidence | None:
        """What is kept of a rep under that kind; a clip for its day, cleared since or not."""
        column = evidence_table.c
        wanted = sa.select(column.rep_id, column.kind, column.media_type, column.data)
        with self._reading() as connection:
            row = connection.execute(
                wanted.where(column.rep_id == rep_id, column.kind == kind, ~_outdated())
            ).first()
        return Evidence(**row._mapping) if row else None

    def evidence_kinds(self, rep_id: int) -> list[str]:
        """What there is of evidence for a rep, without reading it."""
        column = evidence_table.c
        wanted = sa.select(column.kind).where(column.rep_id == rep_id, ~_outdated())
        wanted = wanted.order_by(column.kind)
        with self._reading() as connection:
            return list(connection.scalars(wanted))

    def delete_evidence(self, rep_id: int, kind: str) -> None:
        """Forget what is kept of a rep under that kind, for good."""
        column = evidence_table.c
        with self._writing() as connection:
            connection.execute(
                sa.delete(evidence_table).where(column.rep_id == rep_id, column.kind == kind)
            )
            write_rep(connection, rep_by_id(connection, rep_id))

    def save_clip(self, rep_id: int, film: bytes) -> bool:
        """Keep a film of a rep; False, and nothing is kept, unless everybody in it has agreed.

        Nor where the rep is not there any more.
        """
        with self._writing() as connection:
            try:
                rep = rep_by_id(connection, rep_id)
                check_agreed(connection, who_is_in(connection, rep))
            except ValueError:
                return False
            _put(connection, rep_id, "clip", "video/mp4", film)
            write_rep(connection, rep)
        return True

    def clear_clips(self) -> int:
        """Forget films of reps that are a day old, or of an earlier boot; how many."""
        kept = _outdated()
        with self._reading() as connection:
            if not connection.scalar(sa.select(sa.func.count()).where(kept)):
                return 0
        with self._writing() as connection:
            return connection.execute(sa.delete(evidence_table).where(kept)).rowcount


def _put(connection: Connection, rep_id: int, kind: str, media_type: str, data: bytes) -> None:
    column = evidence_table.c
    connection.execute(
        sa.delete(evidence_table).where(column.rep_id == rep_id, column.kind == kind)
    )
    connection.execute(
        sa.insert(evidence_table).values(rep_id=rep_id, kind=kind, media_type=media_type, data=data)
    )


def _outdated() -> sa.ColumnElement[bool]:
    """Whether a row of evidence is a film that is a day old, or of an earlier boot."""
    column, rep = evidence_table.c, rep_table.c
    before_ns = time.monotonic_ns() - CLIP_KEPT_NS
    old = sa.select(rep.id).where(
        sa.or_(rep.boot_id != stamps.boot_id(), rep.requested_ns < before_ns)
    )
    return sa.and_(column.kind == "clip", column.rep_id.in_(old))
