"""An athlete's newest starts of a posture, found without a look at the older ones."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.drop_index("rep_board", "rep")
    op.create_index(
        "rep_board",
        "rep",
        [
            *("athlete_id", "status", "posture", "deleted_at", "id"),
            *("session_id", "reaction_s", "reaction_u"),
        ],
    )
    op.drop_index("start_board", "start")
    op.create_index(
        "start_board",
        "start",
        [
            *("athlete_id", "own", "status", "posture", "deleted_at", "rep_id"),
            *("session_id", "reaction_s", "reaction_u"),
        ],
    )
