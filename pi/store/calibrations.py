"""What is known of each camera and mode: calibrations, lenses, and the self-tests' findings."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from pi.store import stamps
from pi.store.changes import next_change
from pi.store.connection import Connected
from pi.store.records import Calibration, SelfTest
from pi.tables import calibration_table, lens_table, self_test_table

SELF_TESTS = ("led", "sound")
CALIBRATION_SOURCES = ("taps", "tags", "moved", "settings")


class Calibrations(Connected):
    """Calibrations and lenses, by camera and mode."""

    def save_calibration(
        self,
        data: Mapping[str, Any],
        *,
        source: str,
        camera: str,
        mode: str,
        still: bytes | None = None,
    ) -> Calibration:
        """Keep a calibration; from now on it is the current one of its camera and mode."""
        if source not in CALIBRATION_SOURCES:
            raise ValueError(f"source: one of {', '.join(CALIBRATION_SOURCES)}, not {source!r}")
        with self._writing() as connection:
            made = connection.execute(
                sa.insert(calibration_table)
                .returning(*calibration_table.c)
                .values(
                    created_at=stamps.utc_now(),
                    source=source,
                    camera=camera,
                    mode=mode,
                    data=dict(data),
                    still=still,
                )
            ).one()
            next_change(connection)
            return Calibration(**made._mapping)

    def current_calibration(
        self, *, camera: str | None = None, mode: str | None = None
    ) -> Calibration | None:
        """The newest that is not forgotten: of that camera and mode, or of any."""
        return next(iter(self.calibrations(limit=1, camera=camera, mode=mode)), None)

    def current_calibration_id(self, *, camera: str | None = None) -> int | None:
        """The id of current_calibration(), without its picture."""
        wanted = _kept(sa.select(calibration_table.c.id), camera, None)
        with self._reading() as connection:
            return connection.scalar(wanted.limit(1))

    def calibrations(
        self, limit: int = 20, *, camera: str | None = None, mode: str | None = None
    ) -> list[Calibration]:
        """Those that are not forgotten, newest first."""
        wanted = _kept(sa.select(calibration_table), camera, mode).limit(limit)
        with self._reading() as connection:
            return [Calibration(**row._mapping) for row in connection.execute(wanted)]

    def forget_calibration(self, calibration_id: int) -> None:
        """Undo it: the one before is the current one again."""
        self._date_calibration(calibration_id, stamps.utc_now())

    def restore_calibration(self, calibration_id: int) -> None:
        """Undo forget_calibration()."""
        self._date_calibration(calibration_id, None)

    def _date_calibration(self, calibration_id: int, deleted_at: str | None) -> None:
        column = calibration_table.c
        with self._writing() as connection:
            done = connection.execute(
                sa.update(calibration_table)
                .where(column.id == calibration_id)
                .values(deleted_at=deleted_at)
            )
            if not done.rowcount:
                raise ValueError(f"there is no calibration {calibration_id}")
            next_change(connection)

    def save_lens(self, camera: str, mode: str, lens: Mapping[str, Any]) -> None:
        """Keep what is known of the lens of a camera in a mode, in place of what was."""
        column = lens_table.c
        with self._writing() as connection:
            connection.execute(
                sa.delete(lens_table).where(column.camera == camera, column.mode == mode)
            )
            connection.execute(
                sa.insert(lens_table).values(
                    camera=camera, mode=mode, lens=dict(lens), created_at=stamps.utc_now()
                )
            )

    def lens(self, camera: str, mode: str) -> dict[str, Any] | None:
        """The lens of a camera in a mode, where it was calibrated."""
        column = lens_table.c
        wanted = sa.select(column.lens).where(column.camera == camera, column.mode == mode)
        with self._reading() as connection:
            return connection.scalar(wanted)


def _kept(wanted: sa.Select[Any], camera: str | None, mode: str | None) -> sa.Select[Any]:
    """A select from calibrations, newest first, of those that are not forgotten."""
    column = calibration_table.c
    wanted = wanted.where(column.deleted_at.is_(None)).order_by(column.id.desc())
    for name, value in (("camera", camera), ("mode", mode)):
        if value is not None:
            wanted = wanted.where(column[name] == value)
    return wanted


class SelfTests(Connected):
    """What the timer found out about itself."""

    def save_self_test(
        self, kind: str, data: Mapping[str, Any], *, camera: str = "", mode: str = ""
    ) -> None:
        """Keep what a self-test found, dated; the ones before stay."""
        if kind not in SELF_TESTS:
            raise ValueError(f"kind: one of {', '.join(SELF_TESTS)}, not {kind!r}")
        row = {"kind": kind, "camera": camera, "mode": mode, "made_at": stamps.utc_now()}
        with self._writing() as connection:
            connection.execute(sa.insert(self_test_table).values(**row, data=dict(data)))

    def self_test(self, kind: str, *, camera: str = "", mode: str = "") -> SelfTest | None:
        """The latest of a kind, of that camera and mode; None when there was none."""
        column = self_test_table.c
        wanted = (
            sa.select(column.kind, column.camera, column.mode, column.made_at, column.data)
            .where(column.kind == kind, column.camera == camera, column.mode == mode)
            .order_by(column.id.desc())
            .limit(1)
        )
        with self._reading() as connection:
            row = connection.execute(wanted).first()
        return SelfTest(*row) if row else None
