"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "athlete",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("deleted_at", sa.String(32)),
    )
    op.create_index("athlete_name", "athlete", ["name"])
    op.create_table(
        "session",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "rep",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(80), nullable=False, unique=True),
        sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), nullable=False),
        sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("active", sa.Integer, unique=True),
        sa.Column("reason", sa.Text),
        sa.Column("status", sa.String(16)),
        sa.Column("posture", sa.String(16), nullable=False),
        sa.Column("lead_leg", sa.String(8), nullable=False),
        sa.Column("drill", sa.JSON, nullable=False),
        sa.Column("settings", sa.JSON),
        sa.Column("requested_at", sa.String(32), nullable=False),
        sa.Column("boot_id", sa.String(40), nullable=False),
        sa.Column("requested_ns", sa.BigInteger, nullable=False),
        sa.Column("settled_ns", sa.BigInteger),
        sa.Column("set_ns", sa.BigInteger),
        sa.Column("go_before_ns", sa.BigInteger),
        sa.Column("go_after_ns", sa.BigInteger),
        sa.Column("hold_s", sa.Float),
        sa.Column("ended_ns", sa.BigInteger),
        sa.Column("stop_asked", sa.Boolean, nullable=False),
        sa.Column("go_asked", sa.Boolean, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("deleted_at", sa.String(32)),
        sa.Column("changed", sa.BigInteger, nullable=False, unique=True),
    )
    op.create_index("rep_athlete", "rep", ["athlete_id", "id"])
    op.create_index("rep_posture", "rep", ["posture", "id"])
    op.create_index("rep_status", "rep", ["status", "id"])
    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("media_type", sa.String(80), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("rep_id", "kind", name="evidence_kind"),
    )
    op.create_table(
        "device",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seen_ns", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("boot_id", sa.String(40), nullable=False),
        sa.Column("camera", sa.String(80), nullable=False),
        sa.Column("fps", sa.Float),
        sa.Column("problem", sa.Text),
        sa.Column("simulated", sa.Boolean, nullable=False),
    )
    # The newest `changed` of any rep. A row that every writer updates is also what makes their
    # order one order, on PostgreSQL too.
    change = op.create_table(
        "change",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("newest", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(change, [{"id": 1, "newest": 0}])
