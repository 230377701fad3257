"""Real people, where the data is at hand: a sprinter over force plates, published sprints."""

import csv
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from pi.kinematics import fit_profile_to_speed, fit_profile_to_splits, time_at_distance
from pi.legs import FAR, NEAR, near_or_far, soles_under
from pi.soles import find_soles
from pi.steps import find_steps
from pi.vision import Registration

SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
SPRINTER = SHARED / "motion" / "sprinter"
TABLES = SHARED / "tables"

needs_motion = pytest.mark.skipif(
    not SPRINTER.is_dir(), reason="the sprinter's motion capture is not at hand"
)
needs_tables = pytest.mark.skipif(
    not TABLES.is_dir(), reason="the tables of real sprints are not at hand"
)

# -------------------------------------------------------------------- a sprinter over force plates

PX_PER_M = 152.0
WIDE, HIGH = 1280, 360
GROUND = 300.5  # px, row of the ground
LEFT_M = -3.2  # at the left side of the picture
FORCE_N = 30.0
"""On a force plate a foot is down from here on; 20 N or 50 N are 1 ms away."""

LIMBS = (
    (("SH", "ELB", "FOREARM", "WR"), 0.035),
    (("LEPI", "PAT"), 0.05),
    (("TIAP", "LMAL"), 0.035),
    (("LEPI", "TIAP"), 0.045),
    (("LMAL", "HEEL"), 0.03),
    (("HEEL", "MFL", "P5MT"), 0.03),
    (("HEEL", "MFS", "P1MT", "TOE"), 0.03),
    (("BASE", "TIP"), 0.012),
)
"""Chains of one side's markers, and how thick (m, half) a body is around them."""
TOES_M = 0.055
"""What is called TOE is the head of the first metatarsal; the toes are ahead of it, and the plates
feel them last."""


class Markers(NamedTuple):
    time: np.ndarray  # (n,) s
    at: dict[str, np.ndarray]  # (n, 3) m: forward, up, to the right


def read_trc(path: Path) -> Markers:
    lines = path.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Frame#"))
    names = [name for name in lines[head].split("\t")[2:] if name.strip()]
    scale = 0.001 if lines[head - 1].split("\t")[4] == "mm" else 1.0
    rows = []
    for line in lines[head + 2 :]:
        cells = (line.split("\t") + [""] * 3 * len(names))[: 2 + 3 * len(names)]
        if cells[0].strip():
            rows.append([float(cell) if cell.strip() else np.nan for cell in cells])
    table = np.array(rows)
    at = scale * table[:, 2:].reshape(len(table), -1, 3)
    return Markers(table[:, 1], {name: at[:, i] for i, name in enumerate(names)})


def read_plates(path: Path) -> list[tuple[float, float]]:
    """Contact and toe-off (s) of every foot that met a plate, in order."""
    lines = path.read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("time\t"))
    names = lines[head].split("\t")
    table = np.array([[float(cell) for cell in line.split()] for line in lines[head + 1 :]])
    found = []
    for k, name in enumerate(names):
        if not (name.startswith("ground_force_") and name.endswith("_vy")):
            continue
        on = np.flatnonzero(table[:, k] > FORCE_N)
        if len(on):
            found.append(
                tuple(
                    float(np.interp(FORCE_N, sorted(pair := table[i - 1 : i + 1, k]),
                          table[i - 1 : i + 1, 0][np.argsort(pair)]))
                    for i in (on[0], on[-1] + 1)
                )
            )  # fmt: skip
    return sorted(found)


def toes(heel: np.ndarray, joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where toes begin and end: straight ahead of the foot, or bent so as to lie on the ground."""
    base = joint + (0.0, 0.045 * PX_PER_M)
    along = joint - heel
    along = TOES_M * PX_PER_M * along / np.linalg.norm(along, axis=1, keepdims=True)
    floor = GROUND - 0.012 * PX_PER_M
    tip_y = np.minimum(base[:, 1] + along[:, 1], floor)
    down = np.clip(tip_y - base[:, 1], -TOES_M * PX_PER_M, TOES_M * PX_PER_M)
    ahead = np.sqrt((TOES_M * PX_PER_M) ** 2 - down**2)
    return base, np.column_stack([base[:, 0] + ahead, base[:, 1] + down])


def filmed(
    markers: Markers, *, fps: float, seed: int = 5, eye: tuple[float, float] | None = None
) -> tuple[np.ndarray, ...]:
    """What a camera at right angles would see of a body around the markers.

    eye : m, how high it stands and how far away, to the right of the runner; None = so far away
    that nothing is nearer than anything else.   Returns time (k,), luma (k, HIGH, WIDE) and
    silhouettes (k, HIGH / 4, WIDE / 4).
    """
    random = np.random.default_rng(seed)
    time = np.arange(markers.time[0], markers.time[-1], 1 / fps)
    middle = float(np.nanmean(markers.at["SACR"][:, 2]))
    across = LEFT_M + 0.5 * WIDE / PX_PER_M
    at = {}
    for name, path in markers.at.items():
        seen = np.isfinite(path[:, 0])
        x = np.interp(time, markers.time[seen], path[seen, 0])
        y = np.interp(time, markers.time[seen], path[seen, 1])
        if eye is not None:
            nearer = np.interp(time, markers.time[seen], path[seen, 2]) - middle
            grows = eye[1] / (eye[1] - nearer)
            x, y = across + (x - across) * grows, eye[0] + (y - eye[0]) * grows
        at[name] = np.column_stack([(x - LEFT_M) * PX_PER_M, GROUND - y * PX_PER_M])
    for side in "LR":
        at[side + "BASE"], at[side + "TIP"] = toes(at[side + "HEEL"], at[side + "TOE"])
    ground = cv2.GaussianBlur(random.normal(0, 14, (HIGH, WIDE)), (0, 0), 2.5) * 2 + 105
    luma = np.empty((len(time), HIGH, WIDE), np.uint8)
    silhouettes = np.empty((len(time), HIGH // 4, WIDE // 4), np.uint8)
    for i in range(len(time)):
        cover = np.zeros((4 * HIGH, 4 * WIDE), np.uint8)
        for side in "LR":
            for chain, half in LIMBS:
                dots = [at[side + name][i] for name in chain]
                for a, b in pairwise(dots):
                    ends = [tuple(int(v) for v in np.round((4 * p + 1.5) * 16)) for p in (a, b)]
                    cv2.line(cover, *ends, 255, round(8 * half * PX_PER_M), cv2.LINE_AA, 4)
        trunk = np.array([at[n][i] for n in ("C7", "LASI", "RASI", "SACR", "T7")])
        hull = cv2.convexHull(np.round(4 * trunk + 1.5).astype(np.int32))
        cv2.fillConvexPoly(cover, hull, 255)
        cover = cv2.resize(cover, (WIDE, HIGH), interpolation=cv2.INTER_AREA) / 255.0
        cover = cv2.GaussianBlur(cover, (0, 0), 0.6)
        picture = ground + cover * (185.0 - ground) + random.normal(0, 1.5, ground.shape)
        luma[i] = np.clip(np.rint(picture), 0, 255)
        small = cv2.resize(cover, (WIDE // 4, HIGH // 4), interpolation=cv2.INTER_AREA)
        silhouettes[i] = small > 0.5
    return time, luma, silhouettes


def steps_of(markers: Markers, *, fps: float, eye: tuple[float, float] | None = None):
    """Steps, and the foot that each was made with."""
    time, luma, silhouettes = filmed(markers, fps=fps, eye=eye)
    still = Registration(np.ones(len(time)), np.zeros(len(time)), np.zeros((len(time), 2)))
    ground = np.full(WIDE, GROUND)
    seen = find_soles(
        luma, time, still, ground, silhouettes, after_s=time[0], reach=int(0.17 * PX_PER_M)
    )
    floor = ground[::2] - seen.top
    steps = find_steps(
        seen.row,
        time,
        PX_PER_M,
        ground=floor,
        direction=1,
        upright=np.ones(len(time), bool),
    )
    soles = soles_under(seen.row, time, steps, PX_PER_M, ground=floor, direction=1)
    return steps, near_or_far(steps, soles)


@pytest.fixture(scope="module")
def over_plates() -> tuple[Markers, list[tuple[float, float]]]:
    return read_trc(SPRINTER / "JA1Gait35.trc"), read_plates(next(SPRINTER.glob("JA1Gait35_grf.*")))


@needs_motion
@pytest.mark.parametrize(
    ("fps", "contact_s", "toe_off_s"), [(120.0, 0.006, 0.02), (60, 0.01, 0.02)]
)
def test_a_sprinters_contacts_are_where_force_plates_feel_them(
    over_plates, fps, contact_s, toe_off_s
):
    """At 9 m/s, four feet met plates. Toe-off hangs on the toes, which had no markers."""
    markers, plates = over_plates
    found, _ = steps_of(markers, fps=fps)
    seen = []
    for contact, toe_off in plates:
        near = [s for s in found if abs(s.contact.value - contact) < 0.05]
        assert len(near) == 1, (contact, found)
        seen.append((near[0].contact.value - contact, near[0].toe_off.value - toe_off))
    off = np.abs(seen)
    # half a picture more for the one that lands between two pictures which do not show it
    assert np.sort(off[:, 0])[:3].max() < contact_s
    assert off[:, 0].max() < contact_s + (0.5 / 120 if fps == 120 else 1.0 / fps)
    assert off[:, 1].max() < toe_off_s


@needs_motion
@pytest.mark.parametrize("run", ["run0350cms", "run0500cms", "run0700cms"])
def test_a_runners_steps_alternate_evenly_where_the_markers_say(run):
    """Without plates a foot is down where its forefoot markers stand still."""
    markers = read_trc(SPRINTER / f"{run}.trc")
    found, _ = steps_of(markers, fps=120.0)
    assert len(found) >= 3
    for step in found:
        inside = (markers.time > step.contact.value + 0.03) & (
            markers.time < step.toe_off.value - 0.05
        )
        speeds = []
        for side in "LR":
            forefoot = 0.5 * (markers.at[f"{side}P1MT"] + markers.at[f"{side}P5MT"])
            speeds.append(np.median(np.abs(np.gradient(forefoot[inside, 0], markers.time[inside]))))
        assert min(speeds) < 0.35, (step, speeds)  # m/s: it stands
        assert max(speeds) > 2.0  # and the other one does not
    lengths = np.diff([s.column for s in found]) / PX_PER_M
    assert np.ptp(lengths) < 0.2
    beats = np.diff([s.contact.value for s in found])
    assert beats == pytest.approx(np.median(beats), abs=0.06)


@needs_motion
@pytest.mark.parametrize("run", ["run0350cms", "run0500cms", "run0700cms", "JA1Gait35"])
@pytest.mark.parametrize("high_m", [1.0, 1.5])
def test_no_step_of_a_runner_is_told_of_the_other_leg(run, high_m):
    """As seen from 9 m and the height of a tripod. Real feet come down nearly on one line."""
    markers = read_trc(SPRINTER / f"{run}.trc")
    steps, foot = steps_of(markers, fps=120.0, eye=(high_m, 9.0))
    for step, told in zip(steps, foot, strict=True):
        inside = (markers.time > step.contact.value) & (markers.time < step.toe_off.value)
        low = {side: np.nanmedian(markers.at[f"{side}P5MT"][inside, 1]) for side in "LR"}
        assert told in ((NEAR, 0) if low["R"] < low["L"] else (FAR, 0))


# --------------------------------------------------------------------------- sprints as numbers


def read_columns(name: str, *columns: str, **where: str) -> list[np.ndarray]:
    with (TABLES / name).open() as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if all(row[key] == value for key, value in where.items())
        ]
    return [np.array([float(row[column]) for row in rows]) for column in columns]


@needs_tables
def test_kimberleys_splits_give_the_published_profile():
    distance, time = read_columns("split_times.csv", "distance", "time", athlete="Kimberley")
    fit = fit_profile_to_splits(distance, time, correct_time=False)
    mss, mac = fit.mss.value, fit.mac.value
    assert round(mss, 3) == 8.591
    assert round(mac, 3) == 10.589
    assert round(fit.tau.value, 3) == 0.811
    assert round(mss * mac / 4, 3) == 22.743


@needs_tables
def test_jims_radar_trace_gives_the_published_profile():
    time, speed = read_columns("radar_gun_data.csv", "time", "velocity", athlete="Jim")
    fit = fit_profile_to_speed(time, speed)
    assert round(fit.mss.value, 3) == 7.998
    assert round(fit.mac.value, 3) == 8.999
    assert round(fit.tau.value, 3) == 0.889
    assert round(fit.starts_s, 5) == -0.00011


@needs_tables
def test_bolts_hundred_metres_fit_to_a_fiftieth_of_a_second():
    distance, time = read_columns(
        "berlin2009.csv", "distance_m", "time_s", event="Men's 100 m", athlete="Bolt"
    )
    fit = fit_profile_to_splits(distance[1:], time[1:])
    told = time_at_distance(distance[1:], fit.mss.value, fit.mac.value) + fit.starts_s
    assert told == pytest.approx(time[1:], abs=0.02)
    assert 12.0 < fit.mss.value < 12.6
    assert 0.0 < fit.starts_s < 0.146  # the model's start lies between gun and reaction


@needs_tables
@pytest.mark.parametrize(
    ("name", "column"),
    [("laser_gun_data", "raw_velocity"), ("dynaspeed", "raw_velocity"), ("jb_morin", "velocity")],
)
def test_real_traces_give_sensible_profiles_that_know_their_uncertainty(name, column):
    """A laser, a tether with clock and place shifted, a radar: until the highest speed."""
    time, speed = read_columns(f"{name}.csv", "time", column)
    _, smooth = read_columns(f"{name}.csv", "time", "velocity")
    until = int(np.argmax(smooth)) + 1
    fit = fit_profile_to_speed(time[:until], speed[:until])
    assert 7.5 < fit.mss.value < 10.5
    assert 6.0 < fit.mac.value < 10.0
    assert smooth.max() == pytest.approx(fit.mss.value, rel=0.05)
    # neighbouring errors are alike (a stride lasts), and the uncertainty knows
    assert 0.003 < fit.mss.u / fit.mss.value < 0.03
    assert 0.01 < fit.mac.u / fit.mac.value < 0.1
    # shifted by three seconds it is the same sprint
    later = fit_profile_to_speed(time[:until] + 3.0, speed[:until])
    assert later.mss.value == pytest.approx(fit.mss.value, rel=1e-4)
    assert later.starts_s == pytest.approx(fit.starts_s + 3.0, abs=1e-3)


@needs_tables
def test_the_gates_of_all_athletes_are_fitted():
    gates = np.array([5.0, 10.0, 20.0, 30.0, 35.0])
    times = np.column_stack(read_columns("vescovi.csv", "5m", "10m", "20m", "30m", "35m"))
    assert len(times) == 52
    for time in times:
        fit = fit_profile_to_splits(gates, time)
        told = time_at_distance(gates, fit.mss.value, fit.mac.value) + fit.starts_s
        assert told == pytest.approx(time, abs=0.05)
        assert 5.5 < fit.mss.value < 9.5
        assert 0.0 < fit.mss.u < 0.5
        assert -0.6 < fit.starts_s < 0.1  # the first gate lies ahead of the feet
