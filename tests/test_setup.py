"""setup.sh and the launcher as somebody at the track meets them, from a copy in a bare environment.

Nothing here needs root, a network or apt: what setup.sh would ask of them is a small stand-in
in front of the PATH.
"""

import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OFFLINE = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",  # nothing answers on the discard port
    "PIP_NO_CACHE_DIR": "1",
    "PIP_FIND_LINKS": "",
    "NO_PROXY": "*",
}


@pytest.fixture
def clone(tmp_path):
    """A copy of what setup.sh needs, with no environment."""
    folder = tmp_path / "track start"  # a folder's name may hold a space
    folder.mkdir()
    for name in ("setup.sh", "pyproject.toml", "requirements", "pi", "web"):
        copy(ROOT / name, folder / name)
    return folder


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


@pytest.fixture
def stand_in(tmp_path):
    """stand_in(name, script): a command that is found before the system's of that name."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def make(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
        return folder

    return make


def run(command, folder, *, stand_ins=None, user=None, timeout=120, **environment):
    """Run a command in a bare environment, without input."""
    path = f"{stand_ins}:{SYSTEM_PATH}" if stand_ins else SYSTEM_PATH
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": path, "HOME": str(folder)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        user=user,
    )


def only_line(text: str) -> str:
    """The single line of a text; whoever reads it at the track gets no more than that."""
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


# --- being asked ---


def test_alone_it_explains_itself(clone):
    for arguments in ([], ["help"], ["--help"]):
        said = run(["./setup.sh", *arguments], clone)
        assert said.returncode == 0
        assert "./setup.sh run" in said.stdout
        assert "./setup.sh test" in said.stdout
        assert not said.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["start"], "there is no 'start'"),
        (["run", "--fast"], "does not know --fast"),
        (["run", "--camera", "gopro"], "--camera needs pi, webcam, simulated or file:PATH"),
        (["run", "--camera"], "--camera needs a value"),
        (["run", "--camera", "file:"], "--camera needs pi, webcam"),
        (["run", "--camera=file:no-such.mp4"], "no-such.mp4"),
        (["run", "--port", "http"], "--port needs a number"),
        (["run", "--port=0"], "--port needs a number"),
        (["run", "--port", "65536"], "--port needs a number"),
    ],
)
def test_a_wrong_word_is_one_line_and_changes_nothing(clone, arguments, why):
    before = set(clone.iterdir())
    said = run(["./setup.sh", *arguments], clone)
    assert said.returncode == 2
    assert why in only_line(said.stderr)
    assert set(clone.iterdir()) == before


@pytest.mark.skipif(Path("/proc/device-tree/model").exists(), reason="this may be a Pi")
def test_the_pi_camera_is_refused_elsewhere(clone):
    said = run(["./setup.sh", "run", "--camera", "pi"], clone)
    assert said.returncode == 2
    assert "needs a Raspberry Pi" in only_line(said.stderr)


# --- the machine ---


def source(clone, lines, **options):
    """Run lines of bash that have setup.sh's functions at hand."""
    return run(["bash", "-c", f"source ./setup.sh\n{lines}"], clone, **options)


def test_an_old_python_is_one_line(clone, stand_in):
    for name in ("python3.13", "python3.12", "python3.11"):
        stand_in(name, "exit 127")  # a version manager's shim without that version
    stand_ins = stand_in("python3", "echo 3.9.2")
    said = run(["./setup.sh", "run"], clone, stand_ins=stand_ins)
    assert said.returncode == 1
    expected = "setup.sh: needs Python 3.11, 3.12 or 3.13; python3 is 3.9.2"
    assert only_line(said.stderr) == expected
    assert not (clone / ".venv").exists()


def test_the_first_python_that_runs_and_makes_environments_is_taken(clone, stand_in):
    stand_in("python3.13", "exit 127")
    stand_in("python3.12", "case $2 in *platform*) echo 3.12.4;; *) exit 1;; esac")  # no venv
    stand_ins = stand_in("python3.11", "case $2 in *platform*) echo 3.11.2;; esac")
    said = source(clone, "on_a_pi() { false; }; find_python; echo $python", stand_ins=stand_ins)
    assert said.stdout == "python3.11\n"


@pytest.mark.parametrize(
    ("name", "answer", "why"),
    [
        ("uname", 'if [ "$1" = -s ]; then echo Darwin; else echo arm64; fi', "this is Darwin"),
        ("uname", 'if [ "$1" = -s ]; then echo Linux; else echo armv7l; fi', "this is armv7l"),
        ("df", "echo Avail; echo 12", "there are 12 MB"),
    ],
)
def test_a_machine_that_will_not_do_is_one_line(clone, stand_in, name, answer, why):
    said = run(["./setup.sh", "run"], clone, stand_ins=stand_in(name, answer))
    assert said.returncode == 1
    assert why in only_line(said.stderr)
    assert not (clone / ".venv").exists()


@pytest.fixture
def readable_by_all():
    """A folder that a user without any rights may read, and not write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("setup.sh", "pyproject.toml", "requirements"):
            copy(ROOT / part, folder / part)
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)


def without_rights():
    """Whom to run as, so that rights count."""
    return NOBODY if os.geteuid() == 0 else None


def test_a_folder_that_cannot_be_written_is_one_line(readable_by_all):
    said = run(["./setup.sh", "run"], readable_by_all, user=without_rights())
    assert said.returncode == 1
    assert "cannot write in" in only_line(said.stderr)


def test_apt_installs_what_is_missing_only_and_says_so_first(readable_by_all):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command, script in {
            "dpkg-query": 'for last; do :; done; [ "$last" = here ] && echo installed',
            "sudo": 'echo "sudo $*" >>asked; exec "$@"',
            "env": 'while [ $# -gt 0 ]; do case $1 in *=*) shift;; *) break;; esac; done; "$@"',
            "apt-get": 'echo "apt-get $*" >>asked',
        }.items():
            (folder / command).write_text(f"#!/bin/sh\n{script}\n")
            (folder / command).chmod(0o755)
        folder.chmod(0o777)
        lines = f"cd {folder}; apt_install here; apt_install here absent; cat asked"
        said = source(readable_by_all, lines, stand_ins=folder, user=without_rights())
    first, *asked = said.stdout.splitlines()
    assert first == "Installing with apt: absent (sudo may ask for your password)"
    assert "apt-get -qq update" in asked
    assert "apt-get -qq install -y --no-install-recommends absent" in asked
    assert all("here" not in line for line in asked)


def test_on_a_pi_numpy_opencv_and_hardware_come_from_apt(clone, stand_in):
    stand_ins = stand_in("python", 'echo "python $*"; mkdir -p .venv')
    lines = """
    on_a_pi() { true; }
    apt_install() { echo "apt $*"; }
    find_python() { python=python; }
    version_of() { echo 3.11.2; }
    pip_install() { echo "pip $*"; }
    set -x
    set_up run
    """
    said = source(clone, lines, stand_ins=stand_ins)
    assert said.returncode == 0, said.stderr
    apt, *rest = [line.split() for line in said.stdout.splitlines() if line[:3] in ("apt", "pip")]
    assert {"python3-picamera2", "python3-numpy", "python3-opencv", "python3-lgpio"} <= set(apt)
    assert rest[0] == "pip --require-hashes --no-deps -r requirements/pi.txt".split()
    assert "python -m venv --clear --system-site-packages .venv" in said.stderr


# --- the environment ---


@pytest.mark.slow
def test_the_first_run_without_a_network_is_one_line(clone, stand_in):
    # The system's Python may lack ensurepip; the one that runs this test need not be on the PATH.
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    for name in ("python3.13", "python3.12", "python3.11"):
        stand_ins = stand_in(name, f'exec "{base}" "$@"')
    said = run(["./setup.sh", "run"], clone, stand_ins=stand_ins, **OFFLINE)
    assert said.returncode == 1
    assert "no network?" in only_line(said.stderr)
    assert not (clone / ".venv/trackstart-stamp").exists()


def finish(clone) -> None:
    """Give the clone a finished environment: this one, under a stamp as setup.sh writes it."""
    (clone / ".venv/bin").mkdir(parents=True)
    python = clone / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    stamp = 'echo "test $(version_of .venv/bin/python) $(ingredients) $PWD" >"$STAMP"'
    assert source(clone, stamp).returncode == 0


def test_a_second_run_asks_nothing_of_the_network(clone):
    finish(clone)
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        began = time.monotonic()
        said = run(["./setup.sh", "run", "--port", str(port)], clone, **OFFLINE)
        assert time.monotonic() - began < 20
    # It came as far as starting, where the port is looked at.
    assert said.returncode == 2
    expected = f"trackstart: port {port} is taken (not by trackstart); choose another with --port"
    assert only_line(said.stderr) == expected


@pytest.mark.parametrize(
    "damage",
    [
        "rm .venv/trackstart-stamp",  # half-made
        "rm .venv/bin/python",  # the Python it was made with is gone
        "sed -i 's/ 3[.][0-9.]* / 3.11.999 /' .venv/trackstart-stamp",  # the system was upgraded
        "sed -i 's/start$/elsewhere/' .venv/trackstart-stamp",  # the folder was moved
        """sed -i 's/ "$@"/ -S "$@"/' .venv/bin/python""",  # packages are missing
    ],
)
def test_a_broken_environment_is_made_anew(clone, damage):
    finish(clone)
    assert source(clone, "is_whole").returncode == 0
    subprocess.run(["bash", "-c", damage], cwd=clone, check=True)
    assert source(clone, "is_whole").returncode == 1


# --- the locks ---


def pins(name: str) -> dict[str, set[str]]:
    """package -> its versions in a lock; refuses a line that is neither pin, hash nor comment."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / name).read_text().splitlines():
        if pin := re.fullmatch(r"([\w.-]+)==([\w.]+)( ;.*)? \\", line):
            found.setdefault(pin[1], set()).add(pin[2])
        else:
            assert re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?|#.*", line), line
    return found


@pytest.mark.parametrize("name", ["run.txt", "test.txt", "pi.txt", "pi-test.txt"])
def test_a_lock_pins_with_hashes_and_names_no_index(name):
    assert len(pins(name)) > 10


def test_what_was_tested_is_what_runs():
    tested = pins("test.txt")
    for name in ("run.txt", "pi.txt", "pi-test.txt"):
        assert pins(name).items() <= tested.items()


def test_the_locks_hold_what_the_project_declares():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    def names(requirements):
        return {re.match(r"[\w-]+", each)[0].lower() for each in requirements}

    assert names(project["dependencies"] + extras["opencv"]) <= set(pins("run.txt"))
    assert names(sum(extras.values(), project["dependencies"])) <= set(pins("test.txt"))


def test_on_a_pi_pip_brings_nothing_that_apt_does():
    from_apt = {"numpy", "scipy", "opencv-python-headless", "opencv-python", "av", "gpiozero"}
    from_apt |= {"lgpio", "picamera2", "libcamera", "kms", "pykms", "simplejpeg"}
    assert not from_apt & {*pins("pi.txt"), *pins("pi-test.txt")}


# --- the script and the units, by those who know ---


SCRIPTS = [
    *("setup.sh", ".ci/run", "systemd/install.sh", "tests/rig/run"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "tests/rig").glob("*.sh"))),
]


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script):
    said = subprocess.run(["shellcheck", "-x", script], cwd=ROOT, capture_output=True, text=True)
    assert not said.stdout


# --- install, told and not done ---


def said_of(*arguments):
    done = subprocess.run(
        [ROOT / "setup.sh", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout, done.stderr


def test_a_dry_run_tells_every_file_and_changes_none():
    status, out, err = said_of("install", "--no-hardware", "--dry-run")
    assert (status, err) == (0, "")
    for told in (
        "would: user trackstart",
        "would: write /etc/systemd/system/trackstart-device.service",
        "would: write /etc/systemd/system/trackstart-web.socket",
        "would: write /etc/udev/rules.d/60-trackstart.rules",
        "would: switch /opt/trackstart/current",
        "Nothing was changed.",
    ):
        assert told in out
    assert not Path("/opt/trackstart").exists()


def test_a_box_that_is_not_installed_has_little_to_uninstall():
    status, out, _ = said_of("uninstall", "--dry-run")
    assert status == 0
    assert "would: stop and disable" in out
    assert "remove" not in out


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["install", "--hotspot"], 2, "--hotspot needs --country XX"),
        (["install", "--hotspot", "--country", "Germany"], 2, "--hotspot needs --country XX"),
        (["install", "--join"], 2, "--join needs the network's name"),
        (["install", "--now"], 2, "install does not know --now"),
        (["uninstall", "--all"], 2, "uninstall does not know --all"),
        (["update"], 2, "update needs a file"),
        (["update", "nowhere.tar.gz"], 2, "there is no file"),
        (["install", "--dry-run"], 1, "this is no Raspberry Pi; with --no-hardware"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line(arguments, status, why):
    code, _, err = said_of(*arguments)
    assert code == status
    assert why in err
    assert len(err.splitlines()) == 1


# --- both processes ---


def test_a_wrong_setting_is_one_line(tmp_path):
    (tmp_path / "settings.toml").write_text("[web]\nport = 'eighty'\n")
    said = run(
        [sys.executable, "-m", "pi.launch"],
        ROOT,
        TRACKSTART_HOME=str(tmp_path),
        PYTHONDONTWRITEBYTECODE="1",
    )
    assert said.returncode == 2
    assert "web.port" in only_line(said.stderr)


class Launched:
    """`python -m pi.launch` on a simulated track, and everything that it started."""

    def __init__(self, home: Path):
        self.home, self.port = home, free_port()
        self.said = home / "said"
        with open(self.said, "wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "pi.launch"],
                cwd=ROOT,
                env={
                    "PATH": SYSTEM_PATH,
                    "HOME": str(home),
                    "TRACKSTART_HOME": str(home),
                    "TRACKSTART_CAMERA": "simulated",
                    "TRACKSTART_PORT": str(self.port),
                },
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )

    def wait_for_page(self) -> str:
        """What it printed by the time it had printed the address."""
        until = time.monotonic() + 60
        while "Ctrl-C" not in self.said.read_text():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < until, self.said.read_text()
            time.sleep(0.1)
        return self.said.read_text()

    def healthz(self) -> int:
        page = http.client.HTTPConnection("127.0.0.1", self.port, 5)
        with contextlib.closing(page):
            page.request("GET", "/healthz")
            return page.getresponse().status

    def left(self) -> dict[int, str]:
        """Every process that carries this home in its environment: number and command."""
        mark, found = f"TRACKSTART_HOME={self.home}\0".encode(), {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # else a zombie, which has ended
                        found[int(folder.name)] = command
        return found

    def all_gone(self) -> bool:
        until = time.monotonic() + 10
        while self.left() and time.monotonic() < until:
            time.sleep(0.1)
        return not self.left()


@pytest.fixture
def launched(tmp_path):
    both = Launched(tmp_path)
    yield both
    if both.process.poll() is None:
        both.process.kill()
        both.process.wait()
    for number in both.left():
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_both_and_leaves_nothing(launched, number):
    said = launched.wait_for_page()
    assert f"http://localhost:{launched.port}/" in said
    assert re.search(r"[█▀▄]{10}", said) or "On a phone" not in said  # the QR code
    assert launched.healthz() == 200
    assert len(launched.left()) >= 3  # itself, the device, the page

    began = time.monotonic()
    launched.process.send_signal(number)
    assert launched.process.wait(15) == 0
    assert time.monotonic() - began < 12
    assert launched.all_gone(), launched.left()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "ending"), [("device", "-m pi "), ("web", "web")])
def test_if_one_dies_it_says_which_and_stops_the_other(launched, name, ending):
    launched.wait_for_page()
    parent = launched.process.pid
    for number, command in launched.left().items():
        stat = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
        if int(stat[1]) == parent and (f"{command} ".find(ending) >= 0):
            os.kill(number, signal.SIGKILL)
            break
    else:
        pytest.fail(f"no {name} among {launched.left()}")
    assert launched.process.wait(15) == 1
    assert f"the {name} process was ended by signal 9" in launched.said.read_text()
    assert launched.all_gone(), launched.left()


@pytest.mark.slow
def test_killing_the_launcher_ends_both(launched):
    launched.wait_for_page()
    launched.process.kill()
    launched.process.wait()
    assert launched.all_gone(), launched.left()
