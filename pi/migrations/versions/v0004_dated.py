"""Which reps were run while the time of day was not known."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("rep", sa.Column("dated", sa.Boolean, nullable=False, server_default=sa.true()))
