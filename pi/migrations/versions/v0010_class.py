"""A class and a coach's group: teams, lanes, notes, consent, what is kept how long, the log."""

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
