"""What a figure does: lies or stands still, gets up, sprints away; or walks past.

A motion is a table of the body's channels at 1 kHz from the onset of movement on, and the small
movements of waiting on top of it. Feet and hands that carry weight are pinned to the ground and
limbs follow by inverse kinematics. Times are seconds after the onset unless they say otherwise.
"""

from typing import NamedTuple

import numpy as np

from pi.simulate.body import (
    ANKLE_BACK,
    ANKLE_UP,
    CHANNELS,
    COLUMN,
    SHOULDER,
    SIDES,
    Athlete,
    joints,
)
from pi.simulate.rise import ARM, HALF, LEG, PALM, RISES, Foothold

RATE = 1000
POSTURES = ("supine", "prone", "plank", "standing")
REACH = LEG + float(np.hypot(ANKLE_BACK, ANKLE_UP))  # hip to ball of the foot, at most
SETTLING_S = 0.7  # how long somebody who lines up takes to lie or stand still
HIP_RUN = 0.485  # height of the hip while running


class Contact(NamedTuple):
    """A foot on the ground: from, to, where its ball is."""

    side: str
    contact_s: float
    toe_off_s: float
    x_m: float


class Motion(NamedTuple):
    athlete: Athlete
    posture: str
    table: np.ndarray  # (n, C) channels at RATE, row 0 = the onset of movement
    sway: np.ndarray  # (k, 4) channel, amplitude, Hz, phase
    contacts: tuple  # Contact, in order
    profile: tuple  # mss, tau, start of acceleration; empty when nobody sprints
    sways_for_s: float = 0.3  # the movements of waiting fade out in this time
    fidgets: np.ndarray = np.zeros((0, 4))  # like sway, larger, while lining up
    still_from_s: float = -np.inf  # on the sway's clock: no fidgeting from here on


# ---------------------------------------------------------------------------------------------
# Curves


def smooth(u):
    """0 to 1 with no speed and no acceleration at either end (minimum jerk)."""
    u = np.clip(u, 0.0, 1.0)
    return u**3 * (10 - 15 * u + 6 * u**2)


def monotone(time, keys):
    """Through the keys without overshoot (Fritsch & Carlson 1980), at rest at both ends.

    time : (n,) s.    keys : [(s, value), …].
    """
    at = np.array([key[0] for key in keys], float)
    value = np.array([key[1] for key in keys], float)
    if len(at) == 1:
        return np.full(np.shape(time), value[0])
    gap = np.diff(at)
    slope = np.diff(value) / gap
    tangent = np.zeros(len(at))
    w1, w2 = 2 * gap[1:] + gap[:-1], gap[1:] + 2 * gap[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = (w1 + w2) / (w1 / slope[:-1] + w2 / slope[1:])
    tangent[1:-1] = np.where(slope[:-1] * slope[1:] > 0, harmonic, 0.0)
    time = np.clip(time, at[0], at[-1])
    i = np.clip(np.searchsorted(at, time, side="right") - 1, 0, len(gap) - 1)
    u = (time - at[i]) / gap[i]
    return (
        value[i] * (1 + 2 * u) * (1 - u) ** 2
        + gap[i] * tangent[i] * u * (1 - u) ** 2
        + value[i + 1] * u**2 * (3 - 2 * u)
        + gap[i] * tangent[i + 1] * u**2 * (u - 1)
    )


def sprint_distance(time, mss, tau, starts_s, ease_s=0.05):
    """Distance of a sprint v = MSS (1 - e^(-t/TAU)), its first hundredths eased in."""
    run = time - starts_s
    eased = ease_s * np.log1p(np.exp(np.clip(run / ease_s, -40, 20)))
    run = np.where(run > 20 * ease_s, run, eased)
    return mss * (run - tau * (1 - np.exp(-run / tau)))


def first_time(time, condition, after):
    """First of the times at which the condition holds, from `after` on; else the last."""
    hit = np.flatnonzero(condition & (time >= after))
    return float(time[hit[0]]) if len(hit) else float(time[-1])


# ---------------------------------------------------------------------------------------------
# Steps


def swing(time, lift_s, land_s, start, end, high, *, gently=False, gait=None):
    """Way of a foot through the air: x, y of its ball, and its pitch.

    start, end : Foothold in metres.    high : m.    gently : it leaves a resting place.
    gait : a recorded way of doing it, or None.
    """
    u = np.clip((time - lift_s) / (land_s - lift_s), 0.0, 1.0)
    eased = smooth(u)
    tuck = min(4.0 * high, 1.2) * np.sin(np.pi * smooth(u**0.8)) ** 2
    pitch = start.pitch + (end.pitch - start.pitch) * eased + tuck
    if gently:
        way, arc = eased, (4 * u * (1 - u)) ** 2
    elif gait is None:
        way, early = u**1.1, u**0.8
        way, arc = way**2 * (3 - 2 * way), (4 * early * (1 - early)) ** 1.7
    else:
        grid = np.linspace(0, 1, len(gait.x))
        way = np.interp(u, grid, gait.x)
        arc = np.interp(u, grid, gait.y / gait.y.max())
        ends = gait.pitch[0] + (gait.pitch[-1] - gait.pitch[0]) * eased
        seen = np.interp(u, grid, gait.pitch) - ends
        pitch = start.pitch + (end.pitch - start.pitch) * eased + min(high / 0.4, 1.0) * seen
    x = start.x + (end.x - start.x) * way
    y = start.y + (end.y - start.y) * eased + high * arc
    return x, y, pitch


def rise_steps(holds, time, hip_x, hip_y, start_x, athlete, tempo, waits):
    """A rise's footholds in metres and seconds, left at the latest when the leg is too short.

    waits : s by which the foot leaves its resting place later than the rise says.
    """
    height = athlete.height_m
    plan: list[Foothold] = []
    for hold in holds:
        place, up = start_x + hold.x * height, hold.y * height
        on = None if hold.from_s is None else hold.from_s * tempo
        far = np.hypot(hip_x - place, hip_y - up) > 0.975 * REACH * height
        lift = first_time(time, far, 0.0 if on is None else on + 0.02)
        if hold.to_s is not None:
            lift = min(lift, hold.to_s * tempo + (0.0 if plan else waits))
        plan.append(Foothold(on, lift, place, up, hold.pitch))
    return plan


def running_steps(time, hip_x, hip_y, speed, first_s, side, athlete, random):
    """Footholds of a sprint, alternating from `side` on: [(side, Foothold), …] in metres."""
    height = athlete.height_m
    scale = np.sqrt(height / 1.75)
    found: list[tuple[str, Foothold]] = []
    contact = first_s
    while contact < time[-1] - 0.05:
        v = float(np.interp(contact, time, speed))
        fast = min(v, 9.5)
        stays = max(0.205 - 0.0115 * fast, 0.095) * scale * (1 + random.normal(0, 0.02))
        flies = (0.042 + 0.0085 * fast) * scale * (1 + random.normal(0, 0.05))
        share = min(0.10 + 0.05 * len(found), 0.42)
        place = float(np.interp(contact + share * stays, time, hip_x))
        far = np.hypot(hip_x - place, hip_y) > 0.965 * REACH * height
        leaves = first_time(time, far, contact + 0.4 * stays)
        lift = min(contact + stays, leaves)
        found.append((side, Foothold(contact, lift, place, 0.0, 0.12)))
        contact += stays + flies
        side = "far" if side == "near" else "near"
    return found


def walking_steps(time, hip_x, speed, first_s, side, athlete, random):
    """Footholds of a walk or a jog at constant speed."""
    scale = np.sqrt(athlete.height_m / 1.75)
    jogs = speed > 2.0
    period = (0.36 if jogs else 0.62 - 0.08 * speed) * scale
    stays = (0.72 if jogs else 1.22) * period
    found = []
    contact = first_s
    while contact < time[-1]:
        place = float(np.interp(contact + 0.45 * stays, time, hip_x))
        lift = contact + stays * (1 + random.normal(0, 0.01))
        found.append((side, Foothold(contact, lift, place, 0.0, 0.05)))
        contact += period
        side = "far" if side == "near" else "near"
    return found


def fill_feet(table, time, plans, run_from, high, *, roll=1.25, gait=None):
    """Write both feet's way into the table; returns the contacts.

    plans : side -> [Foothold, …] in metres, times filled in but the first's start and the last's
    end.    run_from : side -> index of the first foothold of the run.    high : function of the
    number of the swing in the run (0 = not yet running), m.
    """
    contacts = []
    for side in SIDES:
        plan = plans[side]
        ball_x, ball_y, pitch = (np.zeros(len(time)) for _ in range(3))
        for i, hold in enumerate(plan):
            land = -1.0 if hold.from_s is None else hold.from_s
            lift = time[-1] + 1 if hold.to_s is None else hold.to_s
            running = i - run_from[side] + 1
            drives = running > 0 or (i + 1 == run_from[side] and hold.pitch < 0.6)
            stand = (time >= land) & (time <= lift)
            begins = max(land, lift - 0.25, 0.0)
            drives = drives and lift - begins > 0.08
            rolls = max(roll - hold.pitch, 0.0) if drives else 0.0
            over = np.clip((time[stand] - begins) / max(lift - begins, 0.05), 0, 1)
            ball_x[stand], ball_y[stand] = hold.x, hold.y
            pitch[stand] = hold.pitch + rolls * over**3
            if i + 1 < len(plan):
                after = plan[i + 1]
                air = (time > lift) & (time < after.from_s)
                begin = hold._replace(pitch=hold.pitch + rolls)
                running = max(running, 1 if i + 1 >= run_from[side] else 0)
                ball_x[air], ball_y[air], pitch[air] = swing(
                    time[air], lift, after.from_s, begin, after, high(running), gently=i == 0,
                    gait=gait if running else None,
                )  # fmt: skip
            if land > 0 and lift < time[-1]:
                contacts.append(Contact(side, float(land), float(lift), float(hold.x)))
        for name, column in (("ball_x", ball_x), ("ball_y", ball_y), ("pitch", pitch)):
            table[:, COLUMN[f"{name}_{side}"]] = column
    return tuple(sorted(contacts, key=lambda contact: contact.contact_s))


def swing_arms(table, time, landings, first_side, since_s, *, wide, bent, gait=None):
    """Arms against the legs, taken up after since_s."""
    landings = np.asarray(landings)
    beat = np.interp(time, landings, np.arange(len(landings)))
    early = time < landings[0]
    beat[early] = (time[early] - landings[0]) / max(np.diff(landings)[0], 0.1)
    fade = smooth((time - since_s) / 0.35)
    for side in SIDES:
        own = beat if side == first_side else beat - 1  # even when the foot of this side lands
        against = np.cos(np.pi * (own - 0.15))
        angle = 0.12 - wide * against
        elbow = bent - 0.22 * bent * against
        if gait is not None:
            phase = np.arange(len(gait.arm) + 1) / len(gait.arm)
            at = np.mod(own / 2, 1.0)
            angle = np.interp(at, phase, np.append(gait.arm, gait.arm[0]))
            elbow = np.interp(at, phase, np.append(gait.elbow, gait.elbow[0]))
            angle = angle.mean() + max(1.0, 0.9 / np.ptp(angle)) * (angle - angle.mean())
        for name, column in (("arm", angle), ("elbow", elbow), ("splay", 1.0)):
            at = COLUMN[f"{name}_{side}"]
            table[:, at] += fade * (column - table[:, at])


# ---------------------------------------------------------------------------------------------
# A start


def draw_clocks(time, leaders, roles, tempo, random):
    """Every group of parts has its own clock: one leads, the others lag, each starts its own way.

    Returns group -> (n,) s of a rise at tempo 1, and the group that leads.
    """
    first = leaders[random.integers(len(leaders))]
    for role, side in roles.items():
        first = first.replace(role, side)
    clocks = {}
    for group in ("trunk", "head", "arm_near", "arm_far", "leg_near", "leg_far"):
        lag = 0.0 if group == first else random.uniform(0.04, 0.13)
        soft = random.uniform(0.004, 0.05) * tempo
        since = np.maximum(time - lag * (1 - smooth(time / 0.45)), 0.0)
        clocks[group] = since**2 / (since + soft) / tempo
    return clocks, first


def rest_table(rise, clocks, time, height):
    """The table as far as key poses go: trunk, head and arms, hip height in the y column."""
    table = np.zeros((len(time), len(CHANNELS)))
    scaled = {"x": height, "hip_y": height}
    for side in SIDES:
        table[:, COLUMN[f"splay_{side}"]] = table[:, COLUMN[f"bow_{side}"]] = 1.0
    for name, keys in rise.keys.items():
        group = name.replace("elbow", "arm").replace("splay", "arm").replace("bow", "leg")
        clock = clocks.get(group, clocks["trunk"])
        column = COLUMN["y" if name == "hip_y" else name]
        table[:, column] = monotone(clock, keys) * scaled.get(name, 1.0)
    return table


def pin_hands(table, time, rise, start_x, athlete, tempo, first):
    """Hold hands on the ground as planned, but never longer than the arms reach."""
    height = athlete.height_m
    lean, x, y = (table[:, COLUMN[name]] for name in ("lean", "x", "y"))
    along = (SHOULDER - HALF) * height
    shoulder_x, shoulder_y = x + along * np.sin(lean), y + along * np.cos(lean)
    released = 0.0
    for side, hold in rise.hands.items():
        hand_x, hand_y = start_x + hold.x * height, PALM * height
        on = 0.0 if hold.from_s is None else hold.from_s * tempo
        gap = np.hypot(shoulder_x - hand_x, shoulder_y - hand_y)
        leaves = first_time(time, gap > 0.993 * ARM * height, on + 0.03)
        leaves = min(hold.to_s * tempo, leaves)
        if first == f"arm_{side}" and hold.from_s is None:
            leaves = 0.0
        lands = 1.0 if hold.from_s is None else smooth((time - (on - 0.2)) / 0.2)
        table[:, COLUMN[f"pin_{side}"]] = lands * (1 - smooth((time - leaves) / 0.2))
        table[:, COLUMN[f"hand_x_{side}"]] = hand_x
        table[:, COLUMN[f"hand_y_{side}"]] = hand_y
        released = max(released, leaves)
    return released


def draw_motion(posture, athlete, random, *, start_x=None, duration_s=6.0, rise=None, gait=None):
    """One start of this athlete, from rest until they have run out of any view.

    rise, gait : a recorded way of getting up, and of running; None = the built-in ones.
    """
    if posture not in POSTURES:
        raise ValueError(f"posture must be one of {', '.join(POSTURES)}, not {posture!r}")
    height, tempo = athlete.height_m, athlete.tempo
    rise = RISES[posture](athlete, random) if rise is None else rise
    start_x = random.uniform(-0.3, 0.0) if start_x is None else start_x
    time = np.arange(int(duration_s * RATE) + 1) / RATE
    lead, rear = ("far", "near") if athlete.far_leads else ("near", "far")
    roles = {"lead": lead, "rear": rear}
    clocks, first = draw_clocks(time, rise.leaders, roles, tempo, random)
    table = rest_table(rise, clocks, time, height)

    # trunk: the way up, with the sprint's law on top
    starts = rise.starts_s * tempo + 0.02
    distance = sprint_distance(time, athlete.mss, athlete.tau, starts)
    speed = np.gradient(distance, time)
    x = start_x + table[:, COLUMN["x"]] + distance
    up_s = rise.keys["lean"][-1][0] * tempo
    later = np.maximum(time - up_s, 0)
    lean = table[:, COLUMN["lean"]]
    upright = np.radians(random.uniform(5, 12))
    lean = lean + (upright - lean) * (1 - np.exp(-later / random.uniform(0.9, 1.5)))
    hip_y = table[:, COLUMN["y"]]
    hip_y = hip_y + ((HIP_RUN + random.uniform(-0.008, 0.008)) * height - hip_y) * smooth(
        later / 0.8
    )
    hip_x = x - HALF * height * np.sin(lean)

    # feet: what the way up says, as long as a leg can reach, then the steps of the sprint
    plans = {}
    for role, side in roles.items():
        waits = random.uniform(0.04, 0.12)
        plan = rise_steps(rise.feet[role], time, hip_x, hip_y, start_x, athlete, tempo, waits)
        if first == f"leg_{side}":
            plan[0] = plan[0]._replace(to_s=0.0)
        plans[side] = plan
    ahead = (hip_x - plans[rear][-1].x) / height
    since = max(starts, plans[rear][-1].from_s or 0.0)
    gone = min(plans[rear][-1].to_s, first_time(time, ahead > 0.2, since))
    if gone > 0:
        plans[rear][-1] = plans[rear][-1]._replace(to_s=gone)
    scale = np.sqrt(height / 1.75)
    lands = max(plans[lead][-1].to_s + 0.045 * scale, plans[rear][-1].to_s + 0.16)
    run_from = {side: len(plan) for side, plan in plans.items()}
    steps = running_steps(time, hip_x, hip_y, speed, lands, rear, athlete, random)
    for side, hold in steps:
        plans[side].append(hold)
    contacts = fill_feet(
        table, time, plans, run_from,
        lambda n: (min(0.10 + 0.045 * n, 0.26) if n else 0.05) * height, gait=gait,
    )  # fmt: skip

    # the torso bobs and its speed ripples with the steps
    landings = np.array([hold.from_s for _, hold in steps])
    beat = np.interp(time, landings, np.arange(len(landings)))
    running = smooth((time - landings[0]) / 0.3)
    swing_m = random.uniform(0.02, 0.03) * speed * np.median(np.diff(landings)) / (2 * np.pi)
    x = x + running * swing_m * np.sin(2 * np.pi * beat + 2.6)
    hip_y = hip_y - running * random.uniform(0.007, 0.011) * height * np.cos(
        2 * np.pi * (beat - 0.28)
    )
    table[:, COLUMN["x"]], table[:, COLUMN["lean"]] = x, lean
    table[:, COLUMN["y"]] = hip_y + HALF * height * np.cos(lean)

    released = (
        pin_hands(table, time, rise, start_x, athlete, tempo, first) if rise.hands else starts
    )
    swing_arms(table, time, landings, rear, released + 0.03, wide=0.85, bent=1.6, gait=gait)
    table[:, COLUMN["flap"]] = athlete.loose * np.clip(speed / 5, 0, 1)
    sway = draw_sway(posture, random)
    return Motion(athlete, posture, table, sway, contacts, (athlete.mss, athlete.tau, starts))


def draw_sway(posture, random):
    """The movements of waiting: breath, slow sway, tremor, as a sum of sines.

    Returns (k, 4): channel, amplitude in m or rad, Hz, phase.
    """
    waves = []

    def add(channel, amplitude, hertz):
        waves.append((COLUMN[channel], amplitude, hertz, random.uniform(0, 2 * np.pi)))

    breath = random.uniform(0.2, 0.4)
    add("breath", random.uniform(0.0007, 0.0016), breath)
    add("breath", random.uniform(0.0001, 0.0003), 2 * breath)
    if posture == "standing":
        for hertz in random.uniform(0.08, 0.7, 4):
            add("x", random.uniform(0.0003, 0.0011), hertz)
            add("lean", random.uniform(0.0005, 0.0020), hertz)
            add("y", random.uniform(0.0001, 0.0004), hertz)
        for side in SIDES:
            add(f"arm_{side}", random.uniform(0.001, 0.006), random.uniform(0.2, 1.0))
    elif posture == "plank":
        for hertz in random.uniform(0.2, 0.8, 2):
            add("y", random.uniform(0.0002, 0.0008), hertz)
            add("lean", random.uniform(0.0002, 0.0006), hertz)
        for hertz in random.uniform(4.0, 9.0, 2):
            add("y", random.uniform(0.00005, 0.0002), hertz)
        add("bulge", random.uniform(0.0002, 0.0006), breath)
    else:
        add("y", random.uniform(0.0001, 0.0003), breath)
    add("head", random.uniform(0.001, 0.006), random.uniform(0.1, 0.5))
    return np.array(waves)


def draw_fidgets(random):
    """The larger movements of somebody who is still finding their place, (k, 4) as sway."""
    waves = [("head", 0.12), ("bulge", 0.006), ("y", 0.006), ("lean", 0.012), ("x", 0.008)]
    waves += [("elbow_near", 0.15), ("arm_far", 0.1)]
    return np.array([
        (COLUMN[name], size * random.uniform(0.5, 1.2), random.uniform(0.8, 2.0),
         random.uniform(0, 2 * np.pi))
        for name, size in waves
    ])  # fmt: skip


# ---------------------------------------------------------------------------------------------
# Everything that is not a start


def draw_walk(athlete, speed, random, *, duration_s=14.0, from_rest=False):
    """Somebody who walks or jogs along x, from x = 0; standing still first if from_rest."""
    height = athlete.height_m
    time = np.arange(int(duration_s * RATE) + 1) / RATE
    table = np.zeros((len(time), len(CHANNELS)))
    for side in SIDES:
        table[:, COLUMN[f"splay_{side}"]] = table[:, COLUMN[f"bow_{side}"]] = 1.0
    jogs = speed > 2.0
    if from_rest:
        x = speed * (time - 0.35 * (1 - np.exp(-time / 0.35)))
    else:
        x = speed * time
    lean = random.uniform(0.02, 0.07) + 0.02 * speed
    hip_x, hip_y = x - HALF * height * np.sin(lean), (0.50 if jogs else 0.512) * height
    rest = float(hip_x[0] + 0.03 * height)
    steps = walking_steps(time, hip_x, speed, 0.55 if from_rest else 0.15, "near", athlete, random)
    landing = {side: next(hold.from_s for s, hold in steps if s == side) for side in SIDES}
    away = 0.36 * np.sqrt(height / 1.75)
    plans = {
        side: [Foothold(None, max(landing[side] - away, 0.0), rest + apart, 0.0, 0.0)]
        for side, apart in (("near", 0.02), ("far", -0.05))
    }
    run_from = dict.fromkeys(SIDES, 1)
    for side, hold in steps:
        plans[side].append(hold)
    contacts = fill_feet(
        table, time, plans, run_from, lambda n: (0.16 if jogs else 0.055) * height, roll=0.7
    )
    landings = np.array([hold.from_s for _, hold in steps])
    swing_arms(
        table, time, landings, "near", -1.0 if not from_rest else 0.1,
        wide=0.6 if jogs else 0.35, bent=1.5 if jogs else 0.25,
    )  # fmt: skip
    beat = np.interp(time, landings, np.arange(len(landings)))
    bob = (0.014 if jogs else 0.006) * height * np.cos(2 * np.pi * (beat - 0.28))
    table[:, COLUMN["x"]], table[:, COLUMN["lean"]] = x, lean
    table[:, COLUMN["y"]] = hip_y - bob + HALF * height * np.cos(lean)
    table[:, COLUMN["bulge"]] = 0.008
    table[:, COLUMN["flap"]] = athlete.loose * min(speed / 5, 1.0)
    return Motion(athlete, "standing", table, draw_sway("standing", random), contacts, ())


def draw_scratch(posture, athlete, random, *, start_x=None):
    """A hand leaves its place by 5 to 15 cm, scratches and lies still again; nobody starts."""
    resting = draw_motion(posture, athlete, random, start_x=start_x, duration_s=2.5)
    height = athlete.height_m
    lasts = random.uniform(0.6, 1.1)
    time = np.arange(int((lasts + 0.2) * RATE)) / RATE
    table = np.repeat(resting.table[:1], len(time), axis=0)
    lift = random.uniform(0.05, 0.15)
    out = smooth(time / (0.35 * lasts)) * (1 - smooth((time - 0.6 * lasts) / (0.4 * lasts)))
    rubs = out * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(3, 5) * time))
    if table[0, COLUMN["pin_near"]] > 0.5:
        table[:, COLUMN["hand_x_near"]] += 0.4 * lift * rubs
        table[:, COLUMN["hand_y_near"]] += 0.9 * lift * rubs
    else:
        table[:, COLUMN["elbow_near"]] += lift / (0.23 * height) * rubs
    table[:, COLUMN["head"]] += 0.05 * out
    return resting._replace(table=table, contacts=(), profile=(), sways_for_s=np.inf)


def flinch(motion, lasts_s, *, deep_s=0.3):
    """Somebody who begins to start, gets as far as after deep_s, and lies or stands still again."""
    share = np.arange(round(lasts_s * RATE) + 1) / (lasts_s * RATE)
    place = deep_s * RATE * smooth(2 * share) * smooth(2 - 2 * share)
    low = place.astype(int)
    high = (place - low)[:, None]
    table = motion.table[low] * (1 - high) + motion.table[low + 1] * high
    return motion._replace(table=table, contacts=(), profile=(), sways_for_s=np.inf)


def draw_walk_away(posture, athlete, random, *, start_x=None, duration_s=14.0):
    """Somebody who gets up without haste, turns round and walks back behind the line."""
    height = athlete.height_m
    calm = athlete._replace(tempo=2.3 * athlete.tempo)
    tempo = calm.tempo
    rise = RISES[posture](calm, random)
    start_x = random.uniform(-0.3, 0.0) if start_x is None else start_x
    time = np.arange(int(duration_s * RATE) + 1) / RATE
    lead, rear = ("far", "near") if athlete.far_leads else ("near", "far")
    clocks, _ = draw_clocks(time, ("trunk",), {}, tempo, random)
    table = rest_table(rise, clocks, time, height)
    up_s = rise.keys["lean"][-1][0] * tempo
    straight = smooth((time - 0.8 * up_s) / 0.9)
    stands = start_x + rise.feet["lead"][-1].x * height - 0.02 * height
    lean = table[:, COLUMN["lean"]] * (1 - straight) + 0.05 * straight
    hip_y = table[:, COLUMN["y"]]
    hip_y = hip_y + (0.505 * height - hip_y) * straight
    leaves = up_s + random.uniform(1.0, 1.6)
    turn = np.pi * smooth((time - leaves + 0.5) / 0.6)
    since = np.maximum(time - leaves, 0)
    speed = random.uniform(1.1, 1.4)
    x = start_x + table[:, COLUMN["x"]]
    x = x + (stands - x) * smooth((time - 0.5 * up_s) / (0.6 * up_s))
    x = x - speed * (since - 0.35 * (1 - np.exp(-since / 0.35)))
    hip_x = x - HALF * height * np.sin(lean * np.cos(turn))
    plans = {
        side: rise_steps(rise.feet[role], time, hip_x, hip_y, start_x, athlete, tempo, 0.0)
        for role, side in (("lead", lead), ("rear", rear))
    }
    beside = plans[lead][-1].x - 0.10 * height
    if plans[rear][-1].x < beside - 0.05 * height:
        lands = plans[rear][-1].to_s + 0.5
        plans[rear].append(Foothold(lands, time[-1], beside, 0.0, 0.05))
    run_from = {side: len(plan) for side, plan in plans.items()}
    steps = walking_steps(time, hip_x, speed, leaves + 0.5, rear, athlete, random)
    for side in SIDES:
        own = [hold for s, hold in steps if s == side]
        plans[side][-1] = plans[side][-1]._replace(to_s=own[0].from_s - 0.36)
        plans[side] += own
    fill_feet(table, time, plans, run_from, lambda n: 0.055 * height, roll=0.7)
    released = pin_hands(table, time, rise, start_x, calm, tempo, "") if rise.hands else 0.3
    landings = np.array([hold.from_s for _, hold in steps])
    swing_arms(table, time, landings, rear, released + 0.1, wide=0.3, bent=0.25)
    table[:, COLUMN["x"]], table[:, COLUMN["lean"]] = x, lean * np.cos(turn)
    table[:, COLUMN["turn"]] += turn
    table[:, COLUMN["y"]] = hip_y + HALF * height * np.cos(lean)
    return Motion(athlete, posture, table, draw_sway(posture, random), (), ())


# ---------------------------------------------------------------------------------------------


def channels_at(motion, since_onset, clock):
    """The body's channels.

    since_onset : (n,) s, negative before the movement.    clock : (n,) s of any clock, for sway.
    """
    since = np.atleast_1d(np.asarray(since_onset, float))
    clock = np.atleast_1d(np.asarray(clock, float))
    place = np.clip(since * RATE, 0, len(motion.table) - 1)
    low = np.minimum(place.astype(int), len(motion.table) - 2)
    share = (place - low)[:, None]
    channels = motion.table[low] * (1 - share) + motion.table[low + 1] * share
    fade = 1 - smooth(since / motion.sways_for_s)
    for channel, amplitude, hertz, phase in motion.sway:
        channels[:, int(channel)] += fade * amplitude * np.sin(2 * np.pi * hertz * clock + phase)
    if len(motion.fidgets) and clock.min() < motion.still_from_s:
        settling = 1 - smooth((clock - motion.still_from_s + SETTLING_S) / SETTLING_S)
        for channel, amplitude, hertz, phase in motion.fidgets:
            wave = np.sin(2 * np.pi * hertz * clock + phase)
            channels[:, int(channel)] += settling * amplitude * wave
    return channels


def pose_at(motion, since_onset, clock):
    """Where every joint is, (n, J, 3) m."""
    return joints(channels_at(motion, since_onset, clock), motion.athlete)
