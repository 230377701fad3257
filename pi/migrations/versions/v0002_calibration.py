"""Jobs of the Set-up page, calibrations, lenses."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "set_up",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("asked", sa.JSON, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("answer", sa.JSON),
        sa.Column("picture", sa.LargeBinary),
        sa.Column("asked_ns", sa.BigInteger, nullable=False),
        sa.Column("boot_id", sa.String(40), nullable=False),
    )
    op.create_index("set_up_state", "set_up", ["state", "id"])
    op.create_table(
        "calibration",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("camera", sa.String(80), nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("still", sa.LargeBinary),
        sa.Column("deleted_at", sa.String(32)),
    )
    op.create_table(
        "lens",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("camera", sa.String(80), nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("lens", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("camera", "mode", name="lens_of_camera"),
    )
