"""Who is in which team of a session."""

from collections.abc import Mapping

import sqlalchemy as sa

from pi.store.athletes import check_athletes
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.rows import teams_in
from pi.tables import session_table, team_member_table


class Teams(Connected):
    """Teams by session."""

    def set_team(self, session_id: int, athlete_id: int, team: str | None) -> None:
        """Put an athlete in a team for that session; None takes him out of it."""
        self.set_teams(session_id, {athlete_id: team})

    def set_teams(self, session_id: int, teams: Mapping[int, str | None]) -> None:
        """As set_team(), for many at once; who is not named stays where he was.

        Raises ValueError for a session or an athlete that is not there, or a name that cannot be.
        """
        named = {who: " ".join(team.split()) for who, team in teams.items() if team is not None}
        if any(not 1 <= len(team) <= 40 for team in named.values()):
            raise ValueError("team: 1 to 40 characters")
        column = team_member_table.c
        with self._writing() as connection:
            check_athletes(connection, list(named))
            known = sa.select(session_table.c.id).where(session_table.c.id == session_id)
            if connection.scalar(known) is None:
                raise ValueError(f"there is no session {session_id}")
            connection.execute(
                sa.delete(team_member_table).where(
                    column.session_id == session_id, column.athlete_id.in_(teams)
                )
            )
            rows = [
                {"session_id": session_id, "athlete_id": who, "team": team}
                for who, team in named.items()
            ]
            if rows:
                connection.execute(sa.insert(team_member_table), rows)
            next_change(connection)

    def teams(self, session_id: int) -> dict[int, str]:
        """The team of each athlete who is in one."""
        with self._reading() as connection:
            return teams_in(connection, session_id)
