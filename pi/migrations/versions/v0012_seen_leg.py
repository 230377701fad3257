"""The leg that was seen to lead; who is absent while he is up; whether the file is to be packed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("rep", sa.Column("seen_leg", sa.String(8)))
    op.add_column("start", sa.Column("seen_leg", sa.String(8)))
    op.add_column("station", sa.Column("unpacked", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("turn", sa.Column("absent", sa.Boolean, nullable=False, server_default="0"))
    op.execute("UPDATE turn SET absent = (state = 'away')")
