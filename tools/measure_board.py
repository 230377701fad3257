"""How long the board of a class takes, over a store full of reps.

    python tools/measure_board.py

A class of thirty in the middle of a lesson, with 10,000 reps of theirs from before. Prints the time
of each page without a network, median and 95th percentile of some dozens, and how large it is.
"""

import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from sample_reps import CLASS, add_rep, begin_class  # noqa: E402

from pi.settings import Settings  # noqa: E402
from pi.store import open_store  # noqa: E402
from pi.tables import rep_table  # noqa: E402
from web import create_app  # noqa: E402

STORED, TIMES = 10_000, 40


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        open_store(f"sqlite:///{Path(folder) / 'trackstart.db'}") as store,
    ):
        fill(store, STORED)
        begin_class(store)
        client = create_app(Settings(), store).test_client()
        session = store.latest_session()
        assert session
        print("| page | median, ms | p95, ms | compressed, kB |\n|---|---|---|---|")
        for page in (f"/session/{session.id}", "/session", "/screen", "/reps", "/"):
            client.get(page)
            took_ms = []
            for _ in range(TIMES):
                began = time.perf_counter()
                text = client.get(page).data
                took_ms.append(1e3 * (time.perf_counter() - began))
            size = len(zlib.compress(text)) / 1e3
            print(
                f"| {page} | {np.median(took_ms):.0f} | {np.percentile(took_ms, 95):.0f} |", end=""
            )
            print(f" {size:.1f} |")


def fill(store, count: int) -> None:
    """That many reps of a class of thirty: one as the device leaves it, and copies of its row."""
    athletes = [store.add_athlete(f"Animal {k}").id for k in range(CLASS)]
    add_rep(store, athlete_id=athletes[0])
    with store._writing() as connection:
        row = dict(connection.execute(sa.select(rep_table)).one()._mapping)
        del row["id"]
        rows = [
            row | {"key": f"copy {k}", "changed": 1_000 + k, "athlete_id": athletes[k % CLASS]}
            for k in range(count - 1)
        ]
        connection.execute(sa.insert(rep_table), rows)
        connection.execute(sa.text("update change set newest = 1000000"))


if __name__ == "__main__":
    main()
