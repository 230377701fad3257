"""The store's tables as they are now; `migrations/` is how they became so. Holds no query."""

import sqlalchemy as sa

metadata = sa.MetaData()

athlete_table = sa.Table(
    "athlete",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("deleted_at", sa.String(32)),
    sa.Column("token", sa.String(32)),
    sa.Column("dated", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("consent", sa.String(4), nullable=False, server_default=""),
    sa.Column("cues", sa.JSON(none_as_null=True)),  # none: those of the session
    sa.Index("athlete_name", "name"),
    sa.Index("athlete_token", "token", unique=True),
)
session_table = sa.Table(
    "session",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("started_at", sa.String(32), nullable=False),
    sa.Column("circuit", sa.JSON(none_as_null=True)),  # none: the day's starts without a plan
    sa.Column("ended_at", sa.String(32)),
    sa.Column("dated", sa.Boolean, nullable=False, server_default=sa.true()),
)
rep_table = sa.Table(
    "rep",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(80), nullable=False, unique=True),
    sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), nullable=False),
    sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id")),
    sa.Column("state", sa.String(16), nullable=False),
    # 1 until the rep has ended, then null: unique, so there is one such rep at a time.
    sa.Column("active", sa.Integer, unique=True),
    sa.Column("reason", sa.Text),
    sa.Column("status", sa.String(16)),
    sa.Column("posture", sa.String(16), nullable=False),
    sa.Column("lead_leg", sa.String(8), nullable=False),
    sa.Column("drill", sa.JSON, nullable=False),
    sa.Column("settings", sa.JSON(none_as_null=True)),
    sa.Column("requested_at", sa.String(32), nullable=False),
    sa.Column("dated", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("boot_id", sa.String(40), nullable=False),
    sa.Column("requested_ns", sa.BigInteger, nullable=False),
    sa.Column("settled_ns", sa.BigInteger),
    sa.Column("set_ns", sa.BigInteger),
    sa.Column("go_before_ns", sa.BigInteger),
    sa.Column("go_after_ns", sa.BigInteger),
    sa.Column("hold_s", sa.Float),
    sa.Column("ended_ns", sa.BigInteger),
    sa.Column("stop_asked", sa.Boolean, nullable=False),
    sa.Column("go_asked", sa.Boolean, nullable=False),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("reaction_s", sa.Float),  # as in the result, for boards to read
    sa.Column("reaction_u", sa.Float),
    sa.Column("seen_leg", sa.String(8)),  # that led, as in the result
    sa.Column("deleted_at", sa.String(32)),
    sa.Column("changed", sa.BigInteger, nullable=False, unique=True),
    sa.Index("rep_athlete", "athlete_id", "id"),
    sa.Index("rep_posture", "posture", "id"),
    sa.Index("rep_session", "session_id", "id"),
    sa.Index("rep_status", "status", "id"),
    # All that a board reads: the rows themselves are long, with their results in them.
    sa.Index(
        "rep_board",
        *("athlete_id", "status", "posture", "deleted_at", "id"),
        *("session_id", "reaction_s", "reaction_u"),
    ),
)
turn_table = sa.Table(
    "turn",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), nullable=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id")),
    sa.Column("posture", sa.String(16), nullable=False),
    sa.Column("lead_leg", sa.String(8), nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id")),
    sa.Column("felt", sa.String(8), nullable=False),
    # Whose it is, is not there: should it come to nothing, it is away and does not wait.
    sa.Column("absent", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("turn_order", "session_id", "place"),
    sa.Index("turn_of_rep", "rep_id"),
)
team_member_table = sa.Table(
    "team_member",
    metadata,
    sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), primary_key=True),
    sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id"), primary_key=True),
    sa.Column("team", sa.String(40), nullable=False),
)
# Of a rep with lanes each athlete's own, with what boards read: repeated from the rep.
start_table = sa.Table(
    "start",
    metadata,
    sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id"), primary_key=True),
    sa.Column("lane", sa.Integer, primary_key=True),  # from 0
    sa.Column("athlete_id", sa.Integer, sa.ForeignKey("athlete.id")),
    sa.Column("own", sa.Boolean, nullable=False),  # the rep is his: its row tells the same
    sa.Column("session_id", sa.Integer, sa.ForeignKey("session.id"), nullable=False),
    sa.Column("posture", sa.String(16), nullable=False),
    sa.Column("lead_leg", sa.String(8), nullable=False),
    sa.Column("status", sa.String(16)),
    sa.Column("reaction_s", sa.Float),
    sa.Column("reaction_u", sa.Float),
    sa.Column("seen_leg", sa.String(8)),
    sa.Column("deleted_at", sa.String(32)),
    sa.Index(
        "start_board",
        *("athlete_id", "own", "status", "posture", "deleted_at", "rep_id"),
        *("session_id", "reaction_s", "reaction_u"),
    ),
)
note_table = sa.Table(
    "note",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id"), nullable=False),
    sa.Column("words", sa.String(80), nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Index("note_of_rep", "rep_id", "id"),
)
evidence_table = sa.Table(
    "evidence",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("rep_id", sa.Integer, sa.ForeignKey("rep.id"), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("media_type", sa.String(80), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("rep_id", "kind", name="evidence_kind"),
)
device_table = sa.Table(
    "device",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("seen_ns", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.String(32), nullable=False),
    sa.Column("boot_id", sa.String(40), nullable=False),
    sa.Column("camera", sa.String(80), nullable=False),
    sa.Column("fps", sa.Float),
    sa.Column("problem", sa.Text),
    sa.Column("simulated", sa.Boolean, nullable=False),
)
change_table = sa.Table(
    "change",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("newest", sa.BigInteger, nullable=False),
)

set_up_table = sa.Table(
    "set_up",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("asked", sa.JSON, nullable=False),
    sa.Column("state", sa.String(8), nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("answer", sa.JSON(none_as_null=True)),
    sa.Column("picture", sa.LargeBinary),
    sa.Column("asked_ns", sa.BigInteger, nullable=False),
    sa.Column("boot_id", sa.String(40), nullable=False),
    sa.Index("set_up_state", "state", "id"),
)
calibration_table = sa.Table(
    "calibration",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.Column("source", sa.String(16), nullable=False),
    sa.Column("camera", sa.String(80), nullable=False),
    sa.Column("mode", sa.String(40), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("still", sa.LargeBinary),
    sa.Column("deleted_at", sa.String(32)),
)
lens_table = sa.Table(
    "lens",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("camera", sa.String(80), nullable=False),
    sa.Column("mode", sa.String(40), nullable=False),
    sa.Column("lens", sa.JSON, nullable=False),
    sa.Column("created_at", sa.String(32), nullable=False),
    sa.UniqueConstraint("camera", "mode", name="lens_of_camera"),
)

self_test_table = sa.Table(
    "self_test",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("camera", sa.String(80), nullable=False),
    sa.Column("mode", sa.String(40), nullable=False),
    sa.Column("made_at", sa.String(32), nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Index("self_test_latest", "kind", "camera", "mode", "id"),
)


circuit_table = sa.Table(
    "circuit",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("deleted_at", sa.String(32)),
)
station_table = sa.Table(
    "station",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("signing_key", sa.String(64), nullable=False),
    sa.Column("pin", sa.String(16)),  # as long as nobody has used it
    sa.Column("pin_hash", sa.String(255), nullable=False),
    sa.Column("keep_days", sa.Integer, server_default="120"),  # none: until somebody forgets it
    sa.Column("starter", sa.String(64)),  # the phone that has the starter's role
    sa.Column("screen", sa.String(8), nullable=False, server_default="now"),
    sa.Column("language", sa.String(16), nullable=False, server_default=""),
    # The file may still hold what was forgotten.
    sa.Column("unpacked", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("admin_hash", sa.String(255), nullable=False, server_default=""),
    sa.Column("clips", sa.Boolean, nullable=False, server_default=sa.true()),
)
log_table = sa.Table(
    "log",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("dated", sa.Boolean, nullable=False),
    sa.Column("what", sa.String(16), nullable=False),
    sa.Column("who", sa.String(40), nullable=False),
)
