"""The reaction beside the result it stands in: boards read thousands."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("rep", sa.Column("reaction_s", sa.Float))
    op.add_column("rep", sa.Column("reaction_u", sa.Float))
    connection = op.get_bind()
    rep = sa.table(
        "rep",
        sa.column("id"),
        sa.column("result"),
        sa.column("reaction_s"),
        sa.column("reaction_u"),
    )
    for number in connection.scalars(sa.select(rep.c.id).where(rep.c.result.is_not(None))).all():
        kept = connection.scalar(sa.select(rep.c.result).where(rep.c.id == number))
        result = json.loads(kept) if isinstance(kept, str) else kept or {}
        told = result.get("reaction_s") or {}
        connection.execute(
            sa.update(rep)
            .where(rep.c.id == number)
            .values(reaction_s=told.get("value"), reaction_u=told.get("u"))
        )
    op.create_index(
        "rep_board",
        "rep",
        [
            *("athlete_id", "status", "deleted_at", "id"),
            *("session_id", "posture", "reaction_s", "reaction_u"),
        ],
    )
