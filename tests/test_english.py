"""Docstrings are plain English, and names are the field's own words (PEP 257)."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TREES = ("service", "training", "benchmarks")
FILES = [path for tree in TREES for path in sorted((ROOT / tree).rglob("*.py"))]

# Openings of a description that a reader has to guess the subject of.
RIDDLE = re.compile(
    r"(What|Whatever|Whether|One|How|As|Who|Whoever|Whose|Somebody|Nobody|Anybody|Where|Wherever|Which|That|When|Why)\b"
)
# Functions begin with a verb in the imperative, so not with an article, a third person or a participle.
NO_VERB = re.compile(r"(The|A|An|Each|Every|All|Any|Those|These|This|Its|No|Nothing|\w*[^\Ws]s|\w+ing)\b|[^A-Z]")
# Metaphors that a newcomer cannot guess, as parts of names. Typographic terms (ink, line, baseline) are fine.
METAPHORS = {
    "customer",
    "delivery",
    "desk",
    "draft",
    "express",
    "hotpath",
    "lane",
    "lean",
    "press",
    "shortway",
    "taker",
    "ticket",
}
PAIRS = {("hot", "path"), ("short", "way")}
# Metaphors as names of classes and modules, where they do not have their usual meaning.
CLASS_METAPHORS = METAPHORS | {"catalogue", "edge", "order", "script", "sheet", "visit"}
PROPERTIES = {"property", "cached_property"}
# Methods of libraries: Pillow calls it a draft of an image to decode less than all of it.
FOREIGN = {"draft"}


class Docstring(NamedTuple):
    place: str
    kind: str
    summary: str


def docstrings(source: str, file: str) -> Iterator[Docstring]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        text = ast.get_docstring(node)
        if text is not None:
            line = node.body[0].lineno
            yield Docstring(f"{file}:{line}", _kind(node), text.partition("\n")[0])


def _kind(node: ast.AST) -> str:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return "noun"
    decorators = {name.id for name in node.decorator_list if isinstance(name, ast.Name)}
    return "noun" if decorators & PROPERTIES else "verb"


def riddles(source: str, file: str) -> list[str]:
    found = []
    for place, kind, summary in docstrings(source, file):
        if RIDDLE.match(summary) or (kind == "verb" and NO_VERB.match(summary)):
            found.append(f"{place}: {summary}")
    return found


def metaphors(source: str, file: str) -> list[str]:
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)} - FOREIGN
    names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names |= set(re.findall(r"\w+", " ".join(summary for _, _, summary in docstrings(source, file))))
    classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)} | {Path(file).stem}
    found = {name for name in names if _is_metaphor(name, METAPHORS)}
    found |= {name for name in classes if _is_metaphor(name, CLASS_METAPHORS)}
    return [f"{file}: {name}" for name in sorted(found)]


def _is_metaphor(name: str, metaphors: set[str]) -> bool:
    parts = [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]
    words = {part.removesuffix("s") for part in parts} | set(parts)
    return bool(words & metaphors) or bool(set(pairwise(parts)) & PAIRS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_docstrings_and_names_are_plain(path: Path) -> None:
    source, file = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
    assert riddles(source, file) + metaphors(source, file) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""What the service does."""',
        'def f():\n    """Whether it works."""',
        'def f():\n    """The result."""',
        'def f():\n    """Returns the result."""',
        'def f():\n    """(n,) the result."""',
        'class C:\n    """How it is made."""',
        'class C:\n    @property\n    def p(self):\n        """Whose it is."""',
    ],
)
def test_riddles_are_found(source: str) -> None:
    assert len(riddles(source, "file.py")) == 1


@pytest.mark.parametrize(
    "source",
    [
        '"""The service."""',
        'def f():\n    """Return the result.\n\n    What it means.\n    """',
        'def f():\n    """Process the batch."""',
        'def f():\n    r"""Convert a text."""',
        'class C:\n    """A result."""\n\n    @property\n    def p(self):\n        """The value."""',
        "def f(): ...",
    ],
)
def test_plain_docstrings_pass(source: str) -> None:
    assert riddles(source, "file.py") == []


@pytest.mark.parametrize(
    "source",
    [
        "class PictureDesk: ...",
        "def f(ticket): ...",
        "lanes = 1",
        "request.hot_path",
        "def short_way(): ...",
        "HOTPATH",
    ],
)
def test_metaphors_are_found(source: str) -> None:
    assert len(metaphors(source, "file.py")) == 1


@pytest.mark.parametrize("source", ["expression = compress(clean)", "baseline = ink.path", "edge = order"])
def test_plain_names_pass(source: str) -> None:
    assert metaphors(source, "file.py") == []
