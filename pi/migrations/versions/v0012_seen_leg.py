"""The leg that was seen to lead; who is absent while he is up; whether the file is to be packed."""

import json

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
    _compare_no_game()


def _compare_no_game() -> None:
    """Boards read reactions of starts; a game's is another thing."""
    connection = op.get_bind()
    reaction = "reaction_s", "reaction_u"
    rep = sa.table("rep", *map(sa.column, ("id", *reaction)))
    start = sa.table("start", *map(sa.column, ("rep_id", *reaction)))
    for number, drill in connection.execute(sa.text("SELECT id, drill FROM rep")).all():
        if "game" in ((json.loads(drill) if isinstance(drill, str) else drill) or {}):
            for table, rep_id in ((rep, rep.c.id), (start, start.c.rep_id)):
                connection.execute(
                    table.update().where(rep_id == number).values(reaction_s=None, reaction_u=None)
                )
