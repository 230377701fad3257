"""What is wrong with one scored clip, worst first, in words."""

from __future__ import annotations

from typing import Any

LIMITS = {
    "reaction": (0.012, "ms", 1e3, "first movement"),
    "up": (0.060, "ms", 1e3, "up"),
    "peak_speed": (0.25, "m/s", 1.0, "peak speed"),
    "first_second": (0.30, "m/s²", 1.0, "first second"),
    "three_steps": (0.30, "m/s²", 1.0, "three steps"),
    "mss": (0.5, "m/s", 1.0, "MSS"),
    "mac": (0.5, "m/s²", 1.0, "MAC"),
}
"""What is off by more than twice what the goals allow for an RMS is worth looking at."""
SPLIT_S, CONTACT_S, TORSO_M, SPEED_M_S = 0.012, 0.020, 0.04, 0.20


def wrong(row: dict[str, Any]) -> dict[str, Any]:
    """How bad a clip is (0 = nothing to say; 1 000 a wrong status, 100 a wrong first movement, else
    how many times a limit was passed) and what is wrong with it, worst first."""
    told: list[tuple[float, str]] = []
    if row["status_right"] is False:
        if row["status"] in ("no_movement", "not_measurable"):  # the rest follows from it
            return {"worth": 1500.0, "words": [f"status {row['status']}"]}
        told.append((1000.0, f"status {row['status']}"))
    if row["from_nobody"]:
        told.append((1000.0, "a reaction of nobody"))
    if row["reaction_missing"]:
        told.append((200.0, "no first movement"))
    for name, (limit, unit, times, words) in LIMITS.items():
        miss = row[name]
        missed = name == "reaction" and row["reaction_right"] is False
        if miss and (missed or abs(miss["miss"]) > limit):
            worth = abs(miss["miss"]) / limit + (100.0 if missed else 0.0)
            told.append((worth, f"{words} {_signed(miss['miss'] * times)} {unit}"))
    for gate, miss in row["splits"].items():
        if abs(miss["miss"]) > SPLIT_S:
            told.append((abs(miss["miss"]) / SPLIT_S, f"{gate} m {miss['miss'] * 1e3:+.0f} ms"))
    if row["splits_missing"]:
        told.append((50.0 * row["splits_missing"], f"{row['splits_missing']} splits missing"))
    if row["up_missing"]:
        told.append((20.0, "up missing"))
    if row["steps_missing"]:
        lost = f"{row['steps_missing']} of {row['steps_wanted']} steps missing"
        told.append((5.0 * row["steps_missing"], lost))
    for name, words in (("contacts", "contact"), ("toe_offs", "toe-off")):
        worst = max((one["miss"] for one in row[name]), key=abs, default=0.0)
        if abs(worst) > CONTACT_S:
            told.append((abs(worst) / CONTACT_S, f"a {words} {worst * 1e3:+.0f} ms"))
    for name, limit, unit, words in (
        ("torso_rms", TORSO_M, "m", "torso"),
        ("speed_rms", SPEED_M_S, "m/s", "speed"),
    ):
        if row[name] is not None and row[name] > limit:
            told.append((row[name] / limit, f"{words} {row[name]:.2f} {unit} RMS"))
    if row["lead_wrong"]:
        told.append((50.0, "the other leg"))
    if row["posture_right"] is False:
        told.append((10.0, "posture not told from the picture"))
    if row["profile_missing"]:
        told.append((10.0, "no profile"))
    if row["profile_null_right"] is False:
        told.append((10.0, "a profile of too short a track, or no reason for none"))
    told.sort(key=lambda one: -one[0])
    return {"worth": sum(worth for worth, _ in told), "words": [words for _, words in told]}


def _signed(value: float) -> str:
    return f"{value:+.0f}" if abs(value) >= 10 else f"{value:+.2f}"


def worst_first(report: dict[str, Any]) -> list[str]:
    """A line for every clip with something wrong, the worst first."""
    bad = sorted(
        (row for row in report["clips"] if row["wrong"]["words"]),
        key=lambda row: -row["wrong"]["worth"],
    )
    return [f"{row['name']}: {', '.join(row['wrong']['words'])}" for row in bad]
