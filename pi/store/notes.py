"""What a coach says of a rep: short notes, in his words."""

from collections.abc import Sequence

import sqlalchemy as sa

from pi.store import stamps
from pi.store.connection import Connected
from pi.store.records import Rep
from pi.store.rows import rep_by_id
from pi.store.states import write_rep
from pi.tables import note_table

MOST_NOTES, NOTE_LENGTH = 6, 80


class Notes(Connected):
    """Notes by rep."""

    def set_notes(self, rep_id: int, notes: Sequence[str]) -> Rep:
        """What a coach says of a rep, in place of what was said; each once, none to take all back.

        Raises ValueError for more than 6, or for one that has not 1 to 80 characters.
        """
        told = list(dict.fromkeys(" ".join(words.split()) for words in notes))
        if len(told) > MOST_NOTES:
            raise ValueError(f"notes: {MOST_NOTES} at most")
        if any(not 1 <= len(words) <= NOTE_LENGTH for words in told):
            raise ValueError(f"notes: 1 to {NOTE_LENGTH} characters each")
        with self._writing() as connection:
            rep = rep_by_id(connection, rep_id)
            connection.execute(sa.delete(note_table).where(note_table.c.rep_id == rep_id))
            now = stamps.utc_now()
            rows = [{"rep_id": rep_id, "words": words, "created_at": now} for words in told]
            if rows:
                connection.execute(sa.insert(note_table), rows)
            return write_rep(connection, rep)

    def notes_of(self, reps: Sequence[int]) -> dict[int, list[str]]:
        """Each rep's notes as they were tapped; nothing of reps without one."""
        column = note_table.c
        wanted = sa.select(column.rep_id, column.words).where(column.rep_id.in_(reps))
        found: dict[int, list[str]] = {}
        with self._reading() as connection:
            for row in connection.execute(wanted.order_by(column.rep_id, column.id)):
                found.setdefault(row.rep_id, []).append(row.words)
        return found
