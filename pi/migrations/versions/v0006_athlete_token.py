"""An athlete's own page is found by a name that nobody guesses."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("athlete", sa.Column("token", sa.String(32)))
    connection = op.get_bind()
    athlete = sa.table("athlete", sa.column("id"), sa.column("token"))
    for number in connection.scalars(sa.select(athlete.c.id)).all():
        connection.execute(
            sa.update(athlete).where(athlete.c.id == number).values(token=secrets.token_urlsafe(16))
        )
    op.create_index("athlete_token", "athlete", ["token"], unique=True)
