"""A session's reps without a look at all others: their rows are long, with results in them."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_index("rep_session", "rep", ["session_id", "id"])
