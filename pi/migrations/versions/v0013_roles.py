"""The admin's secret, and whether clips are kept at all; each athlete's cues; dates of sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("athlete", sa.Column("cues", sa.JSON))
    op.add_column("session", sa.Column("dated", sa.Boolean, nullable=False, server_default="1"))
    op.add_column(
        "station", sa.Column("admin_hash", sa.String(255), nullable=False, server_default="")
    )
    op.add_column("station", sa.Column("clips", sa.Boolean, nullable=False, server_default="1"))
    session = sa.table("session", sa.column("id"), sa.column("dated", sa.Boolean))
    rep = sa.table("rep", sa.column("session_id"), sa.column("dated", sa.Boolean))
    undated = sa.select(rep.c.session_id).where(~rep.c.dated)
    op.execute(sa.update(session).where(session.c.id.in_(undated)).values(dated=False))
