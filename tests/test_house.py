"""The house rules: what imports what, what is never fetched, and that the README is true."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent
# Every other file of pi/ is of the pure middle, a new one too.
ENDS = {
    *("camera", "start_signal", "store", "tables", "migrations", "launch", "__main__"),
    *("calibrate", "check", "cli", "clock", "notify", "parts", "quiet", "real_time", "self_test"),
    "settings",
}
AROUND = {"__init__", "bench", "drills", "rep", "simulate"}
WORLD = {"flask", "gpiozero", "gunicorn", "lgpio", "picamera2", "sqlalchemy", "sqlite3", "socket"}
CODE = ("pi", "web")


def sources(top: str) -> list[Path]:
    return sorted((ROOT / top).rglob("*.py"))


def owner(path: Path) -> str:
    """The name in the table that a file of pi/ belongs to: its own, or that of its package."""
    return Path(path.relative_to(ROOT / "pi").parts[0]).stem


def imports(path: Path) -> set[str]:
    """Every module that a file names in an import, anywhere in it, in full."""
    package = path.relative_to(ROOT).parent.parts
    named = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            # `from pi import store` names a module, `from pi.store import Rep` does not.
            named |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return named


def ours(path: Path) -> set[str]:
    """What a file imports of pi/, by its name in the table."""
    parts = [name.split(".") for name in imports(path)]
    return {
        part[1] for part in parts if part[0] == "pi" and len(part) > 1 and exists_in_pi(part[1])
    }


def middle() -> set[str]:
    return {owner(path) for path in sources("pi")} - ENDS - AROUND


def exists_in_pi(name: str) -> bool:
    return (ROOT / "pi" / f"{name}.py").exists() or any((ROOT / "pi" / name).glob("*.py"))


def read_section(title: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f'README.md has no section "## {title}"'
    return found[1]


def read_table() -> dict[str, set[str]]:
    """The README's table of files: name -> what it may import of ours ("everything" as such)."""
    table: dict[str, set[str]] = {}
    for line in read_section("How it works").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        names = re.findall(r"`([\w/]+(?:\.py|/))`", cells[0])
        if len(cells) != 3 or not names:
            continue
        allowed = {
            name.removeprefix("pi.") for name in re.findall(r"`([\w.]+?)(?:\.py)?`", cells[2])
        }
        allowed |= {word for word in ("everything",) if word in cells[2]}
        if "the middle" in cells[2]:
            allowed |= middle()
        for name in names:
            table[name.removeprefix("pi/").removesuffix(".py").rstrip("/")] = allowed
    assert table, 'README.md, "How it works": no table of `file` | its one job | may import of ours'
    return table


def test_every_file_has_its_row_in_the_readme():
    table, there = set(read_table()), {owner(path) for path in sources("pi")} - {"__init__"}
    assert there - table == set()
    gone = {name for name in table - there if not (ROOT / "pi" / name).is_dir()}
    assert gone == {"web"}


@pytest.mark.parametrize("path", sources("pi"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_the_readme_allows(path):
    name = owner(path)
    if name == "__init__":
        assert not ours(path), "importing pi must touch nothing"
        return
    allowed = read_table().get(name, set())
    assert "everything" in allowed or ours(path) - {name} <= allowed


@pytest.mark.parametrize("path", sources("web"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_page_imports_only_what_the_readme_allows(path):
    assert (
        ours(path)
        <= read_table()["web"]
        <= {*("aliases", "clock", "drills", "games", "pin", "sessions", "settings", "store")}
    )


def test_nothing_in_pi_imports_the_page_but_the_command_line():
    assert {
        owner(path)
        for path in sources("pi")
        if any(name.split(".")[0] == "web" for name in imports(path))
    } <= {"cli"}


@pytest.mark.parametrize("name", sorted(middle()))
def test_the_middle_is_pure(name):
    for path in sources("pi"):
        if owner(path) == name:
            assert not {module.split(".")[0] for module in imports(path)} & WORLD
            assert not ours(path) & (ENDS - {"camera"})  # of which it may name the type Frames


def test_importing_the_page_loads_no_camera_pin_or_opencv():
    loaded = subprocess.run(
        [sys.executable, "-c", "import web, sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "flask" in loaded
    assert not {"cv2", "av", "gpiozero", "lgpio", "picamera2", "pi.camera"} & set(loaded)


def test_no_file_has_a_name_that_says_nothing():
    nothing = {"util", "utils", "helper", "helpers", "common", "manager", "context", "base", "misc"}
    # A signal.py in a folder that is run breaks Python's own.
    paths = [path.relative_to(ROOT) for top in (*CODE, "tools") for path in sources(top)]
    assert not {Path(part).stem for path in paths for part in path.parts} & (nothing | {"signal"})


def own_page_files() -> list[Path]:
    web = ROOT / "web"
    return [
        path
        for folder in (web / "templates", web / "static")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "vendor" not in path.parts and path.suffix not in (".png", ".ico")
    ]


def test_the_page_fetches_nothing_from_elsewhere():
    assert own_page_files()
    for path in own_page_files():
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"http://www\.w3\.org/[\w/]+", "", text)  # names of XML languages
        assert not re.findall(r"https?://\S+", text), path
        assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?//\S+""", text), path


def test_whatever_is_not_ours_has_its_version_and_licence_beside_it():
    vendor = ROOT / "web/static/vendor"
    for path in sorted(vendor.rglob("*")):
        if path.is_file():
            folder = path.relative_to(vendor).parts[0]
            assert re.fullmatch(r"[\w.-]+-\d+(\.\d+)+[\w.-]*", folder), f"{path}: which version?"
            assert list((vendor / folder).glob("LICEN[CS]E*")), f"{folder}: no licence"


def project_texts() -> list[Path]:
    """Every text of ours, without what was vendored, locked or generated."""
    folders = ("pi", "web", "tests", "tools", "systemd", "docs", ".ci")
    files = [path for top in folders for path in sorted((ROOT / top).rglob("*"))]
    files += sorted(path for path in ROOT.iterdir())
    return [
        path
        for path in files
        if path.is_file()
        and not {"vendor", "__pycache__"} & set(path.parts)
        and path.suffix
        in {"", ".py", ".md", ".toml", ".html", ".js", ".css", ".sh", ".yaml"}
        | {".service", ".json", ".svg", ".txt", ".ini", ".mako"}
    ]


def test_no_text_names_a_folder_of_somebodys_machine():
    own = re.compile(r"(?<![\w.~/*-])/(?:home|root|work|Users)/\w")
    for path in project_texts():
        assert not own.search(path.read_text(encoding="utf-8")), path


# --- what the README and the contributing page tell people to type ---


def commands(page: str) -> list[str]:
    """The commands in a page's code blocks and in its running text."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", prose)]
    lines = [re.sub(r"^\s*(\$ |sudo )?([A-Z_]+=\S+ )*(\.venv/bin/)?", "", line) for line in lines]
    return [line for line in lines if re.match(r"(\./setup\.sh|trackstart|make) ", line)]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_in_a_page_exist(page):
    assert commands(page)
    for line in commands(page):
        words = shlex.split(re.sub(r"[\[\]|]", " ", line), comments=True)
        known = {"./setup.sh": setup_knows, "trackstart": trackstart_knows, "make": make_knows}
        assert known[words[0]](words[1:]), f"{page}: {line}"


def setup_knows(words: list[str]) -> bool:
    said = subprocess.run([ROOT / "setup.sh"], capture_output=True, text=True, check=True).stdout
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    return f"./setup.sh {words[0]}" in said and all(f" {name} " in said for name in options)


def trackstart_knows(words: list[str]) -> bool:
    from pi.cli import main

    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return False
        command, words = command.commands[words[0]], words[1:]
    options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    asked = {word.split("=")[0] for word in words if word.startswith("--")}
    return asked <= options | {"--help"}


def make_knows(words: list[str]) -> bool:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(words) <= set(targets)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_the_files_that_a_page_points_to_exist(page):
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)", text) + re.findall(r'src="([^"]+)"', text):
        if not re.match(r"https?:|#|mailto:", target):
            assert (ROOT / unquote(target.split("#")[0])).exists(), target


def test_whatever_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    from_apt = {"cv2", "libcamera", "lgpio", "picamera2", "pykms"}
    own = {"pi", "web", "conftest"} | {path.stem for path in sources("tests")}
    for top, declared in {
        "pi": project["dependencies"] + extras["plots"],
        "web": project["dependencies"],
        "tests": project["dependencies"] + extras["dev"],
        "tools": project["dependencies"] + extras["dev"],
    }.items():
        names = {re.match(r"[\w-]+", each)[0].lower() for each in declared}
        names = {name.replace("-", "_") for name in names} | {"werkzeug", "babel"}
        for path in sources(top):
            tops = {name.split(".")[0] for name in imports(path)} - sys.stdlib_module_names
            assert {name.lower() for name in tops} - names - from_apt - own == set(), path
