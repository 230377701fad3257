"""The command `trackstart`: measure a video, simulate a rep, make the accuracy table, run the two
processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from . import __version__
from .settings import load_settings

TABLE_MARKS = ("<!-- bench -->", "<!-- /bench -->")

POSTURE = click.Choice(["supine", "prone", "plank", "standing"])


@click.group()
@click.version_option(__version__, prog_name="trackstart")
def main() -> None:
    """Trackside sprint-start timer: reaction time and first steps from camera frames."""


def answers(command: Callable) -> Callable:
    """What cannot be used is one clear line on standard error and exit 2, never a traceback."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (ValueError, OSError, ImportError) as error:
            message = " ".join(str(error).split()) or type(error).__name__
            click.echo(f"trackstart: {message}", err=True)
            sys.exit(2)

    return wrapped


def tell(result: dict[str, Any], as_json: bool) -> None:
    """The result on standard output, as JSON or in a few lines for people."""
    click.echo(json.dumps(result, allow_nan=False) if as_json else words(result))


def words(result: dict[str, Any]) -> str:
    """A result in a few lines."""

    def with_u(value: dict[str, Any], unit: str) -> str:
        return "–" if value["value"] is None else f"{value['value']:.3f} ± {value['u']:.3f} {unit}"

    lines = [
        f"status     {result['status']}, posture {result['posture']['start'] or '–'}",
        f"reaction   {with_u(result['reaction_s'], 's')}",
        f"up         {with_u(result['up_s'], 's')}",
    ]
    for split in result["splits"]:
        if split["from_signal_s"] is not None:
            lines.append(
                f"{split['metres']:4g} m     {split['from_signal_s']:.3f} ± {split['u']:.3f} s"
            )
    lines.append(f"peak speed {with_u(result['peak_speed'], 'm/s')}")
    for athlete in result.get("athletes", ()):
        five = next((split for split in athlete["splits"] if split["metres"] == 5.0), None)
        split = {"value": five["from_signal_s"], "u": five["u"]} if five else {"value": None}
        lines.append(
            f"lane {athlete['lane']:5} {athlete['status']}, reaction "
            f"{with_u(athlete['reaction_s'], 's')}, 5 m {with_u(split, 's')}"
        )
    lines += [f"reason: {text}" for text in result["reasons"]]
    lines += [f"warning: {text}" for text in result["warnings"]]
    return "\n".join(lines)


@main.command()
@click.argument("video", type=click.Path(path_type=Path))
@click.option(
    "--signal", required=True, help="The start signal in the video's own seconds, or auto."
)
@click.option(
    "--cones",
    type=click.Path(path_type=Path),
    help="JSON file of marks on the running line, of lanes too where several start.",
)
@click.option("--posture", type=POSTURE, help="The drill that was asked for.")
@click.option(
    "--fps", type=click.FloatRange(1, 20_000), help="True frame rate of a slow-motion file."
)
@click.option(
    "--line-time-us", type=click.FloatRange(0, 200), default=0.0, help="Rolling shutter, a row."
)
@click.option("--buzzer-distance", type=click.FloatRange(0, 200), default=0.0, help="Metres.")
@click.option(
    "--temperature", type=click.FloatRange(-40, 60), default=20.0, help="Degrees Celsius."
)
@click.option("--height", type=click.FloatRange(0.8, 2.4), help="The athlete's stature in metres.")
@click.option("--lane", help="Whose result it is, where the cones file has lanes; else the first.")
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Write the chronophotograph here (PNG)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@answers
def analyse(
    video: Path, signal: str, cones: Path | None, posture: str | None, fps: float | None,
    line_time_us: float, buzzer_distance: float, temperature: float, height: float | None,
    lane: str | None, picture: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Measure a start in a VIDEO."""
    from .calibrate import read_calibration
    from .rep import analyse_video

    marks = read_calibration(cones) if cones else None
    instant, source = (float("nan"), "given")
    if signal == "auto":
        instant, source = signal_in(video, fps)
    else:
        try:
            instant = float(signal)
        except ValueError:
            raise ValueError(f"--signal: needs seconds or auto, not {signal!r}") from None
        if not abs(instant) < 1e6:
            raise ValueError(f"--signal: needs seconds or auto, not {signal!r}")
    answer = analyse_video(
        video, instant, fps=fps, line_time_us=line_time_us, source=source, calibration=marks,
        posture=posture, height_m=height, buzzer_distance_m=buzzer_distance,
        temperature_c=temperature, lane=lane,
    )  # fmt: skip
    if picture:
        picture.write_bytes(answer.evidence["picture"])
    tell(answer.result, as_json)


def signal_in(video: Path, fps: float | None) -> tuple[float, str]:
    """The start signal heard, else seen, in a video: its instant (s) and `audio` or `led`."""
    from .camera import read_sound, read_video
    from .find_signal import find_beep, find_flash

    sound = None if fps else read_sound(video)
    if sound is not None:
        samples, rate, start_s = sound
        heard = find_beep(samples, rate)
        if heard.time_s == heard.time_s:
            return start_s + heard.time_s, "audio"
    read = read_video(video, fps=fps)
    lit = find_flash(read.frames.luma, read.frames.times_ns * 1e-9)
    if lit.time_s == lit.time_s:
        return lit.time_s, "led"
    raise ValueError(f"{video}: no beep and no LED found; give --signal in seconds")


@main.command()
@click.argument("picture", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--cones",
    type=click.Path(path_type=Path),
    help="JSON file of marks; each is moved to the foot of the cone that is seen there.",
)
@click.option(
    "--tags",
    is_flag=True,
    help="Find printed tags: number n stands at n times the spacing, upright on the line; the "
    "middle of its board's lower edge is the mark.",
)
@click.option(
    "--spacing",
    type=click.FloatRange(0.05, 20),
    default=0.5,
    show_default=True,
    help="Metres between tags of following numbers.",
)
@click.option(
    "--charuco",
    is_flag=True,
    help="Calibrate the lens from pictures, or a film, of the printed board.",
)
@click.option("--lens", help="A preset (v1, v2, v3, v3-wide, hq-6mm, gs-6mm) or a lens file.")
@click.option(
    "--depth",
    type=click.FloatRange(-20, 20),
    default=0.0,
    help="Metres that the running line is nearer to the camera than the marks.",
)
@click.option("--horizon", help="Two pixels of the horizon, u,v,u,v, for a camera not level.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the file for --cones.")
@click.option(
    "--sheet", type=click.Path(path_type=Path), help="Write tags and board to print (PDF or PNG)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@answers
def calibrate(
    picture: tuple[Path, ...], cones: Path | None, tags: bool, spacing: float, charuco: bool,
    lens: str | None, depth: float, horizon: str | None, output: Path | None, sheet: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Where metres are in a PICTURE or film: marks, lens and level become a cones file."""
    from . import calibrate as work

    if sheet:
        for written in work.write_sheet(sheet, spacing_m=spacing):
            click.echo(f"{written}: print at 100 %", err=True)
        if not picture:
            return
    if not picture:
        raise ValueError("calibrate: which picture or film? Or --sheet OUT.pdf to print marks")
    if charuco:
        answer = work.calibrate_lens(picture)
        kept = {"lens": answer["lens"]}
    else:
        if len(picture) > 1:
            raise ValueError("calibrate: one picture; several are for --charuco")
        kept, answer = work.calibrate(
            picture[0], cones=cones, tags=tags, spacing_m=spacing, lens=lens, depth_m=depth,
            horizon=pixels(horizon) if horizon else None,
        )  # fmt: skip
        answer = {**answer, "calibration": kept}
    if output:
        output.write_text(json.dumps(kept, indent=1) + "\n")
    if as_json:
        click.echo(json.dumps(answer, allow_nan=False))
    else:
        click.echo(lens_words(answer) if charuco else calibration_words(answer))


def pixels(text: str) -> list[list[float]]:
    """The two pixels in u,v,u,v. Raises ValueError."""
    try:
        u1, v1, u2, v2 = (float(each) for each in text.split(","))
    except ValueError:
        raise ValueError(f"--horizon: needs u,v,u,v, not {text!r}") from None
    return [[u1, v1], [u2, v2]]


def lens_words(answer: dict[str, Any]) -> str:
    lens = answer["lens"]
    return (
        f"focal length {lens['focal_px']:.1f} px, centre {lens['centre'][0]:.1f}, "
        f"{lens['centre'][1]:.1f}, k {', '.join(f'{k:.4f}' for k in lens['k'])}\n"
        f"{answer['rms_px']:.2f} px RMS over {answer['views']} views, "
        f"{answer['coverage'] * 100:.0f} % of the picture covered"
    )


def calibration_words(answer: dict[str, Any]) -> str:
    """A calibration in a few lines."""
    first, last = answer["view_m"]
    running = "right" if answer["direction"] > 0 else "left"
    seen = f"running to the {running}, {first:.2f} m to {last:.2f} m in view"
    lines = [
        f"scale      {answer['px_per_m']:.1f} px/m, {seen}",
        f"metres     ± {answer['u_m'] * 100:.1f} cm between the marks",
    ]
    data = answer["calibration"]
    moved = answer["moved_px"] or [None] * len(data["cones"])
    for cone, off, by in zip(data["cones"], answer["misfit_m"], moved, strict=True):
        seen = f", moved by {by:.1f} px to the foot of what is seen" if by is not None else ""
        lines.append(f"mark {cone['metres']:5g} m  off by {off * 100:+.1f} cm{seen}")
    if data.get("roll_deg") is not None:
        lines.append(f"level      the picture is turned by {data['roll_deg']:+.2f} degrees")
    lines += [f"warning: {text}" for text in answer["warnings"]]
    return "\n".join(lines)


@main.command()
@click.option(
    "--simulate", is_flag=True, help="On a simulated track (a real rep is asked for on the page)."
)
@click.option("--posture", type=POSTURE, help="Default: one of the four, by the seed.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--lanes", type=click.IntRange(2, 4), help="So many athletes start at once.")
@click.option(
    "--view",
    type=click.Choice(["beside", "raised", "behind", "ahead"]),
    default="behind",
    show_default=True,
    help="Where the camera stands, with --lanes.",
)
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Write the chronophotograph here (PNG)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@answers
def rep(
    simulate: bool, posture: str | None, seed: int, lanes: int | None, view: str,
    picture: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """One whole rep, measured."""
    if not simulate:
        raise ValueError("rep: a real rep is asked for on the page; here add --simulate")
    from .rep import analyse as measure_rep
    from .rep import plain
    from .simulate import POSTURES, simulate_clip, simulate_lanes

    posture = posture or POSTURES[seed % len(POSTURES)]
    if lanes:
        race = simulate_lanes([posture] * lanes, view=view, seed=seed, duration_s=7.0, body="auto")
        answer = measure_rep(
            race.frames, race.signal_ns, calibration=race.calibration, posture=posture
        )
        truth, *_ = race.truths
        for athlete, true in zip(answer.result["athletes"], race.truths, strict=True):
            athlete["truth"] = plain(true)
    else:
        clip = simulate_clip(posture, seed=seed, duration_s=6.5, body="auto")
        answer = measure_rep(clip.frames, clip.signal_ns, cones=clip.cones, posture=posture)
        truth = clip.truth
    if picture:
        picture.write_bytes(answer.evidence["picture"])
    tell({**answer.result, "truth": plain(truth)}, as_json)


@main.command()
@click.option("--quick", is_flag=True, help="A small grid, two minutes or three.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Films of known starts instead: a folder of NAME.mp4, NAME.truth.json, NAME.cones.json.",
)
@click.option(
    "--write", type=click.Path(path_type=Path), help="Only write the grid's clips as such a folder."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--readme", type=click.Path(path_type=Path), help="Put the tables into this file.")
@click.option(
    "--plots", type=click.Path(path_type=Path), help="Draw the errors into this folder, as PNG."
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    help="Figures on record: exit 1 when any of them has become worse.",
)
@click.option("--keep", is_flag=True, help="Put today's figures on --record instead.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes. Default: one a core.")
@answers
def bench(
    quick: bool, against: Path | None, write: Path | None, as_json: bool, readme: Path | None,
    plots: Path | None, record: Path | None, keep: bool, jobs: int | None,
) -> None:  # fmt: skip
    """The accuracy table, from starts whose truth is known: every goal, met or not."""
    from . import bench as benches

    if plots:
        benches.needs_matplotlib()  # told before the run, not after it

    def progress(done: int, of: int) -> None:
        click.echo(f"\r{done} of {of} clips", nl=done == of, err=True)

    if write:
        benches.write_films(write, quick=quick, workers=jobs, progress=progress)
        return
    report = benches.bench(quick=quick, against=against, workers=jobs, progress=progress)
    if plots:
        benches.draw(report, plots)
    if readme:
        before, mark, rest = readme.read_text().partition(TABLE_MARKS[0])
        _, end, after = rest.partition(TABLE_MARKS[1])
        if not (mark and end):
            raise ValueError(f"{readme}: has no place for the table, {' '.join(TABLE_MARKS)}")
        readme.write_text(f"{before}{mark}\n{benches.table(report)}\n{end}{after}")
    if as_json:
        click.echo(json.dumps(report, allow_nan=False))
    else:
        click.echo("\n".join([benches.table(report), "", *benches.worst_first(report)]))
    if record and keep:
        record.write_text(json.dumps(benches.figures(report), indent=1) + "\n")
    elif record:
        worse = benches.worse_than(benches.figures(report), json.loads(record.read_text()))
        for line in worse:
            click.echo(f"worse than on record: {line}", err=True)
        if worse:
            sys.exit(1)


@main.command()
@click.argument("rep", nargs=-1, type=int)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of words.")
@answers
def reanalyse(rep: tuple[int, ...], as_json: bool) -> None:
    """Today's answer from the stored evidence of each REP; of all when none is named."""
    from .rep import reanalyse as measure_again
    from .store import open_store

    with open_store(load_settings().store.url) as store:
        for number in rep or sorted(row.id for row in store.reps(limit=1_000_000)):
            row, kept = store.rep(number), store.evidence(number, "observations")
            if row is None:
                raise ValueError(f"rep {number}: there is none")
            if kept is None or row.result is None or row.settings is None:
                if rep:
                    raise ValueError(f"rep {number}: has no evidence to measure ({row.state})")
                continue
            result = measure_again(kept.data, row.result, row.settings)
            if as_json:
                click.echo(json.dumps({"rep": number, **result}, allow_nan=False))
            else:
                click.echo(f"rep {number}\n{words(result)}\n")


@main.command()
@click.option("--admin", is_flag=True, help="Make the admin's secret instead, twice as long.")
@answers
def pin(admin: bool) -> None:
    """Make a new PIN for the coach: nobody is one until it is used.

    With --admin the secret of whoever answers for the box: typed in the same place, and from then
    on only that phone makes PINs on the page, says what is kept, reads the log and erases all.
    """
    from .pin import new_pin, new_secret
    from .store import open_store

    with open_store(load_settings().store.url) as store:
        if admin:
            secret, kept = new_secret()
            store.set_admin(kept)
            click.echo(" ".join(secret[k : k + 4] for k in range(0, len(secret), 4)))
        else:
            click.echo(store.station(new_pin).pin)


@main.command()
@click.argument("rep")
@click.option("--json", "as_json", is_flag=True, help="The budget as JSON instead of a table.")
@answers
def explain(rep: str, as_json: bool) -> None:
    """What the uncertainty of every number of REP is made of, and what would make it smaller.

    REP is the number of a stored rep, or a file with the JSON of a result.
    """
    from .uncertainty import explained

    result = _stored_result(int(rep)) if rep.isdecimal() else _result_in(Path(rep))
    if as_json:
        click.echo(json.dumps(result.get("budget") or {}, allow_nan=False))
    else:
        click.echo(explained(result))


def _stored_result(number: int) -> dict[str, Any]:
    """A stored rep's result; of a version that kept no budget, today's from its evidence."""
    from .rep import reanalyse as measure_again
    from .store import open_store

    with open_store(load_settings().store.url) as store:
        row, kept = store.rep(number), store.evidence(number, "observations")
    if row is None:
        raise ValueError(f"rep {number}: there is none")
    if row.result is None:
        raise ValueError(f"rep {number}: has no result ({row.state})")
    if "budget" in row.result or kept is None or row.settings is None:
        return row.result
    return measure_again(kept.data, row.result, row.settings)


def _result_in(path: Path) -> dict[str, Any]:
    try:
        result = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError(f"{path}: not the JSON of a result") from None
    if not isinstance(result, dict) or "reaction_s" not in result:
        raise ValueError(f"{path}: not the JSON of a result")
    return result


@main.command()
@answers
def device() -> None:
    """Run the process that owns camera and pins."""
    from .__main__ import main as run_device

    run_device()


@main.command()
@click.option("--led", is_flag=True, help="Flash the LED before the camera: are their clocks one?")
@click.option("--play", is_flag=True, help="Play tick and tone 20 times, for a recording.")
@click.option("--sound", type=click.Path(path_type=Path), help="The recording: the buzzer's rise.")
@click.option(
    "--nearer", type=click.FloatRange(-20, 20), default=0.0, help="Tick nearer than buzzer, metres."
)
@click.option("--keep", is_flag=True, help="Use the rise from now on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
@answers
def check(
    led: bool, play: bool, sound: Path | None, nearer: float, keep: bool, as_json: bool
) -> None:
    """Look at every part of the box, and say what to do. Exit 1 when something is bad."""
    from .check import answered, heard, looked, parts_words

    settings = load_settings()
    if sound is not None:
        answer, text = heard(settings, sound, nearer_m=nearer, keep=keep)
    elif led or play:
        answer, text = answered(settings, "led" if led else "sound")
    else:
        answer = looked(settings)
        text = parts_words(answer["parts"])
    click.echo(json.dumps(answer, allow_nan=False) if as_json else text)
    sys.exit(int(answer["verdict"] == "bad"))


@main.command()
@answers
def web() -> None:
    """Run the process that serves the page."""
    load_settings()  # a wrong key is told here in a line, not in a worker's traceback
    import web as pages

    configuration = Path(pages.__file__).with_name("gunicorn.conf.py")
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(configuration), "web:create_app()"]
    os.execv(sys.executable, gunicorn)  # noqa: S606 - our own interpreter, fixed arguments


if __name__ == "__main__":
    main()
