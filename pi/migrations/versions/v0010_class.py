"""A class and a coach's group: teams, lanes, notes, consent, what is kept how long, the log."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("athlete", sa.Column("dated", sa.Boolean, nullable=False, server_default="1"))
    op.add_column("athlete", sa.Column("consent", sa.String(4), nullable=False, server_default=""))
    op.add_column("station", sa.Column("keep_days", sa.Integer, server_default="120"))
    op.add_column("station", sa.Column("starter", sa.String(64)))
    op.add_column(
        "station", sa.Column("screen", sa.String(8), nullable=False, server_default="now")
    )
    op.add_column(
        "station", sa.Column("language", sa.String(16), nullable=False, server_default="")
    )
    _keep_what_is_there()
    op.create_table(
        "team_member",
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), primary_key=True),
        sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id"), primary_key=True),
        sa.Column("team", sa.String(40), nullable=False),
    )
    op.create_table(
        "start",
        sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id"), primary_key=True),
        sa.Column("lane", sa.Integer, primary_key=True),
        sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id")),
        sa.Column("own", sa.Boolean, nullable=False),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), nullable=False),
        sa.Column("posture", sa.String(16), nullable=False),
        sa.Column("lead_leg", sa.String(8), nullable=False),
        sa.Column("status", sa.String(16)),
        sa.Column("reaction_s", sa.Float),
        sa.Column("reaction_u", sa.Float),
        sa.Column("deleted_at", sa.String(32)),
    )
    op.create_index(
        "start_board",
        "start",
        [
            *("athlete_id", "own", "status", "deleted_at", "rep_id"),
            *("session_id", "posture", "reaction_s", "reaction_u"),
        ],
    )
    op.create_table(
        "note",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id"), nullable=False),
        sa.Column("words", sa.String(80), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("note_of_rep", "note", ["rep_id", "id"])
    op.create_table(
        "log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("dated", sa.Boolean, nullable=False),
        sa.Column("what", sa.String(16), nullable=False),
        sa.Column("who", sa.String(40), nullable=False),
    )


def _keep_what_is_there() -> None:
    """An update forgets nobody: until somebody chooses for how long, old starts are kept.

    When a name was typed is not known of any: nobody wrote down whether the time was known.
    """
    connection = op.get_bind()
    connection.execute(sa.text("UPDATE athlete SET dated = :no"), {"no": False})
    if connection.scalar(sa.text("SELECT count(*) FROM rep")):
        if not connection.scalar(sa.text("SELECT count(*) FROM station")):
            connection.execute(
                sa.text(
                    "INSERT INTO station (id, signing_key, pin, pin_hash) VALUES (1, :key, '', '')"
                ),
                {"key": secrets.token_hex(32)},
            )
        connection.execute(sa.text("UPDATE station SET keep_days = NULL"))
