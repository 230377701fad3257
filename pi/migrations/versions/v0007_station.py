"""The coach's PIN, and the key that signs a coach's phone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "station",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("signing_key", sa.String(64), nullable=False),
        sa.Column("pin", sa.String(16)),
        sa.Column("pin_hash", sa.String(255), nullable=False),
    )
