"""Finds what is to be translated, brings the catalogues up to date, and compiles them.

    tools/translations.py           every catalogue up to date and compiled; says what is missing
    tools/translations.py --check   only says what is missing or out of date; 1 if anything is

Three catalogues for each language: `messages` (pages), `scripts` (JavaScript) and `told` (what the
device says: English with holes for numbers, see web/told.py).
"""

import argparse
import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from babel.support import Translations

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from web import words  # noqa: E402
from web.language import FOLDER, LANGUAGES  # noqa: E402

DATA = ("aliases", "drills", "games")
"""Modules of pi/ whose texts are data that pages show."""
SPEAKERS = (
    *("measure", "rep", "lanes", "timing", "calibration", "set_up", "charuco", "parts"),
    *("self_test", "led_check", "marks", "games", "camera/live", "camera/raspberry", "__main__"),
    "start_signal",
    *("store", "clock", *DATA),
)
"""Modules and packages of pi/ whose sentences reach a page."""

NOT_SHOWN = re.compile(
    r"^(\{0\}: \{1\}|button |rep %|rep \{0\} |store\.url|\{0\}: written|\{0\}: cannot|kind: "
    r"|state: |posture: |lead_leg: |key: |felt: |name: 1|source: |there is no |athlete_id|action: "
    r"|picture: |minimum_s|GPIOZERO|sounder|camera: %|set-up %|%\(|trackstart |pictures do not end"
    r"|state reason|view: "
    r"|consent: |keep_days: |screen: |language: |phone_id: |what: |who: |notes: |teams?: "
    r"|later_s: |lanes: 1 to|players: |game: |cues: |another athlete has|this box keeps no"
    r"|a calibration is|roll_deg|sqlite|not the observations"
    r"|(numpy|OpenCV|Linux|Python) \{0\}$"
    r"|(Factory|[Ss]tation|dev|dump|gpiozero|ignore|iw|lgpio|nan|picamera2)$)"
)
"""What only a log, a command or a programmer reads."""


def texts_of_pages() -> Catalog:
    """What templates and web/*.py say, and the data of pi/ that they show."""
    found = Catalog()
    methods = [("**.html", "jinja2"), ("**.py", "python")]
    options = {"**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
    keywords = {
        "_": None, "gettext": None, "L": None, "N_": None, "ngettext": (1, 2),
    }  # fmt: skip
    for name, line, text, _, _ in extract_from_dir(
        str(ROOT / "web"), methods, options, keywords, directory_filter=_no_vendor
    ):
        found.add(text, locations=[(f"web/{name}", line)])
    for name in DATA:
        path = ROOT / "pi" / f"{name}.py"
        if path.exists():
            for text, line in data_of(path):
                found.add(text, locations=[(f"pi/{name}.py", line)])
    return found


def texts_of_scripts() -> Catalog:
    """What web/static/*.js say."""
    found = Catalog()
    for name, line, text, _, _ in extract_from_dir(
        str(ROOT / "web" / "static"),
        [("**.js", "javascript")],
        {},
        {"_": None},
        directory_filter=_no_vendor,
    ):
        found.add(text, locations=[(f"web/static/{name}", line)])
    return found


def _no_vendor(folder: str) -> bool:
    return Path(folder).name not in ("vendor", "translations", "__pycache__")


def texts_told() -> Catalog:
    """What the device says, with holes for what it fills in."""
    found = Catalog()
    for path in (path for name in SPEAKERS for path in files_of(name)):
        for text, line in sayings_of(path):
            found.add(text, locations=[(str(path.relative_to(ROOT)), line)])
    for text in WORDS:
        found.add(text)
    return found


def files_of(name: str) -> list[Path]:
    """The file of a module of pi/; of a package each of its files."""
    folder = ROOT / "pi" / name
    path = folder.with_suffix(".py")
    return [path] if path.exists() else sorted(folder.glob("*.py"))


def sayings_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every sentence that a module can say, without the key of what it is about."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(part) for node in ast.walk(tree) for part in _not_said(node)}
    whole = path.stem == "parts"  # there even a single word is a saying
    nodes: Iterator[ast.AST] = ast.walk(tree)
    if path.stem in DATA:  # of these only what they refuse with
        kinds = [node for node in ast.walk(tree) if isinstance(node, (ast.Raise, ast.Return))]
        refusals = {id(part) for kind in kinds for part in ast.walk(kind)}
        nodes = (node for node in ast.walk(tree) if id(node) in refusals)
        shown = {text for text, _ in data_of(path)}
    else:
        shown = set()
    for node in nodes:
        if id(node) in skipped or not isinstance(node, (ast.Constant, ast.JoinedStr)):
            continue
        text = _with_holes(node)
        if text is None or text in shown or not re.search("[a-z]{2}", re.sub(r"\{\d\}", "", text)):
            continue
        key, colon, rest = text.partition(": ")
        about = ("convention", "line_time")  # of the LED test, which the page cuts off
        if colon and (key in about or key.partition(".")[0] in words.NAMES):
            text = rest
        text = text.strip(" ,")
        if NOT_SHOWN.match(text) or (text.count(" ") < 2 and not (whole and _is_word(text))):
            continue
        yield text, node.lineno


def _is_word(text: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z{][\w\-{} ]*", text)) and "_" not in text


def _with_holes(node: ast.Constant | ast.JoinedStr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    text, holes = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += str(part.value)
        else:
            text += f"{{{holes}}}"
            holes += 1
    return text


def _not_said(node: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, what is inside an f-string, dictionary keys and what a comparison is with."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (part for part in ast.walk(node) if part is not node)
    elif isinstance(node, ast.Dict):
        yield from (key for key in node.keys if key)
    elif isinstance(node, (ast.Subscript, ast.Compare)):
        yield from ast.walk(node)
    elif isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if re.search(
            r"\blog\.|pragma|execute|_text$|\.glob|getenv|version$|fullmatch|print|TypeVar", name
        ):
            yield from ast.walk(node)


def data_of(path: Path) -> Iterator[tuple[str, int]]:
    """Names and sentences of a module of data, errors among them; not its keys."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {id(part) for node in ast.walk(tree) for part in _not_said(node)}
    raised = [node for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    skipped |= {id(part) for node in raised for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in skipped or not isinstance(node, (ast.Constant, ast.JoinedStr)):
            continue
        text = _with_holes(node)
        if text and text[0].isupper() and re.search("[a-z]", text) and "{" not in text:
            yield text, node.lineno


WORDS = (
    *("late", "early", "supine", "prone", "plank", "standing", "lying", "top", "middle", "bottom"),
    *("the camera was moved by {0} px during the start",),
    *("the camera was moved during the start",),
    *("stopped", "read-only", "buzzer", "network", "own", "phone", "system"),
)
"""What fills holes of what the device says, and what words.moved() leaves of it."""

DOMAINS = {"messages": texts_of_pages, "scripts": texts_of_scripts, "told": texts_told}


def path_of(language: str, domain: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / f"{domain}.po"


def kept(language: str, domain: str) -> Catalog:
    """The catalogue as it is in the project; an empty one where there is none."""
    path = path_of(language, domain)
    if not path.exists():
        return Catalog(locale=language, domain=domain, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def compiled(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def read(binary: bytes) -> dict[str, str]:
    """What a compiled catalogue says, without its head."""
    texts = getattr(Translations(io.BytesIO(binary)), "_catalog", {})
    return {text: said for text, said in texts.items() if text}


def written(catalogue: Catalog) -> bytes:
    out = io.BytesIO()
    write_po(out, catalogue, width=100, sort_output=True, omit_header=True, include_lineno=False)
    return out.getvalue()


def updated(language: str, domain: str) -> Catalog:
    """The kept catalogue with exactly what there is to translate now."""
    wanted, before = DOMAINS[domain](), kept(language, domain)
    now = Catalog(locale=language, domain=domain, fuzzy=False)
    for message in wanted:
        if message.id:
            old = before.get(message.id)
            said = old.string if old and not old.fuzzy else None
            if isinstance(said, tuple) and any(said):  # millions, in Spanish and French: as others
                given = [text for text in said if text]
                said = (*given, *[given[-1]] * now.num_plurals)[: now.num_plurals]
            flags = {flag for flag in message.flags if flag != "fuzzy"}
            now.add(message.id, said, locations=message.locations, flags=flags)
    return now


def missing(catalogue: Catalog) -> list[Message]:
    """What has no translation, or one with other holes than the English has."""
    return [message for message in catalogue if message.id and not _is_whole(message)]


def _is_whole(message: Message) -> bool:
    texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
    ids = message.id if isinstance(message.id, (list, tuple)) else [message.id]
    if not all(texts):
        return False
    return all(_holes(text) <= _holes(ids[-1]) for text in texts) and (
        _holes(texts[-1]) == _holes(ids[-1])
    )


def _holes(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s|\{\w+\}", text))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    only_check, wrong = parser.parse_args().check, 0
    for language in LANGUAGES:
        if language == "en":
            continue
        for domain in DOMAINS:
            now, path = updated(language, domain), path_of(language, domain)
            lacks = missing(now)
            if lacks:
                wrong += len(lacks)
                print(f"{path.relative_to(ROOT)}: {len(lacks)} of {len(now)} missing, such as "
                      f"{lacks[0].id!r}")  # fmt: skip
            stale = not path.exists() or path.read_bytes() != written(now)
            binary = path.with_suffix(".mo")
            stale |= not binary.exists() or read(binary.read_bytes()) != read(compiled(now))
            if stale and only_check:
                wrong += 1
                print(f"{path.relative_to(ROOT)}: out of date, run tools/translations.py")
            elif stale:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(written(now))
                binary.write_bytes(compiled(now))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
