"""Planned sessions: a circuit, and whose turn it is."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("session", sa.Column("circuit", sa.JSON(none_as_null=True)))
    op.add_column("session", sa.Column("ended_at", sa.String(32)))
    op.create_table(
        "turn",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id")),
        sa.Column("posture", sa.String(16), nullable=False),
        sa.Column("lead_leg", sa.String(8), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id")),
        sa.Column("felt", sa.String(8), nullable=False),
    )
    op.create_index("turn_order", "turn", ["session_id", "place"])
    op.create_index("turn_of_rep", "turn", ["rep_id"])
