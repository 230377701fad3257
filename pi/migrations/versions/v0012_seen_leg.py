"""The leg that was seen to lead, beside the one that was planned."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("rep", sa.Column("seen_leg", sa.String(8)))
    op.add_column("start", sa.Column("seen_leg", sa.String(8)))
