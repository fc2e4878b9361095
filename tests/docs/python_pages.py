"""A page of each public class, from its docstrings and signatures: `python -m tests.docs.python_pages` writes them."""

import inspect
import re
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, is_typeddict

import glyphvae
from glyphvae import client
from glyphvae.client import options as client_options

FOLDER = Path(__file__).parents[2] / "docs" / "python"
INDEX = "README.md"


def public_classes() -> dict[str, type]:
    """Return the classes that the package and its client export, by their names to import."""
    return {
        f"{module.__name__}.{name}": value
        for module in (glyphvae, client)
        for name in module.__all__
        if inspect.isclass(value := getattr(module, name))
    }


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    classes = public_classes()
    rows = [f"| [`{name}`]({page_of(name)}) | {summary(kind)} |" for name, kind in classes.items()]
    index = [
        "# Python",
        "",
        "What `glyphvae` and `glyphvae.client` export. [clients.md](../clients.md) begins with examples.",
        "",
        "| class | |",
        "|---|---|",
        *rows,
    ]
    return {INDEX: "\n".join(index) + "\n"} | {page_of(name): page(name, kind) for name, kind in classes.items()}


def page_of(name: str) -> str:
    """Return the name of the file of a class's page."""
    return f"{name.rpartition('.')[2]}.md"


def summary(kind: type) -> str:
    """Return the first sentence of a docstring."""
    return " ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split())


def page(name: str, kind: type) -> str:
    """Return the page of one class."""
    module, _, short = name.rpartition(".")
    parts = [f"# {short}", f"```\nfrom {module} import {short}\n```", *described(kind)]
    for method, function in methods(kind):
        call = f"{method}{signature(function)}"
        if issubclass(kind, client.AsyncClient):
            call = call.replace("-> Iterator", "-> AsyncIterator") if "-> Iterator" in call else f"await {call}"
        parts += [f"## {method}", f"```\n{call}\n```", *described(function), *options(function)]
    return "\n\n".join(parts) + "\n"


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class, those that it inherits from other public ones included."""
    for name in dir(kind):
        value = inspect.getattr_static(kind, name)
        found = value.fget if isinstance(value, property) else getattr(value, "build", value)
        own = isinstance(found, types.FunctionType) and found.__module__.startswith("glyphvae")
        if own and not name.startswith("_"):
            yield name, found


def signature(function: types.FunctionType) -> str:
    """Return the signature of a method, without `self`."""
    whole = inspect.signature(function)
    parameters = [one for name, one in whole.parameters.items() if name != "self"]
    text = re.sub(r"glyphvae(\.\w+)*\.|results\.", "", str(whole.replace(parameters=parameters))).replace("'", "")
    # A client makes the call that a function of `glyphvae.client.calls` describes.
    return re.sub(r"-> Stream\[(.*)\]$", r"-> Iterator[\1]", re.sub(r"-> Call\[(.*)\]$", r"-> \1", text))


def described(kind: object) -> list[str]:
    """Return the paragraphs of a docstring, its sections as lists."""
    text = inspect.getdoc(kind) or ""
    parts = []
    for paragraph in text.split("\n\n"):
        section = re.match(r"(Args|Attributes|Raises|Returns|Yields):\n", paragraph)
        if section:
            parts += [f"{section[1]}:", as_list(inspect.cleandoc("\n" + paragraph[section.end() :]))]
        elif paragraph.startswith("    "):
            block = f"```\n{inspect.cleandoc(paragraph)}\n```"
            # What follows a program after a blank line is part of it.
            parts[-1:] = [f"{parts[-1][:-4]}\n\n{block[4:]}"] if parts[-1].endswith("\n```") else [parts[-1], block]
        else:
            parts.append(paragraph)
    return parts


def as_list(text: str) -> str:
    """Return the items of a section as a list, each name as code."""
    items = re.sub(r"\n +", " ", text).splitlines()
    return "\n".join("- " + re.sub(r"^([\w*]+): ", r"`\1`: ", item) for item in items)


def options(function: types.FunctionType) -> list[str]:
    """Return the list of a method's keyword arguments that a typed dictionary describes."""
    named = re.search(r"Unpack\[(?:[\w.]*\.)?(\w+)\]", str(function.__annotations__.get("options")))
    if named is None:
        return []
    kind = getattr(client_options, named[1])
    docs = attribute_docs(kind)
    return ["Options:", "\n".join(f"- `{name}`: {docs[name]}" for name in sorted(kind.__annotations__))]


def attribute_docs(kind: Any) -> dict[str, str]:  # noqa: ANN401 (a typed dictionary is no class to the type checker)
    """Return what the docstrings of a typed dictionary, and of those whose keys it has all, say of each key."""
    found: dict[str, str] = {}
    kinds = [other for other in vars(client_options).values() if is_typeddict(other)]
    for other in sorted(kinds, key=lambda other: len(other.__annotations__)):
        section = re.search(r"Attributes:\n(.*)", inspect.getdoc(other) or "", flags=re.DOTALL)
        if section and other.__annotations__.keys() <= kind.__annotations__.keys():
            found |= dict(re.findall(r"^- `(\w+)`: (.*)$", as_list(inspect.cleandoc("\n" + section[1])), re.MULTILINE))
    return found


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{FOLDER} is written.")


if __name__ == "__main__":
    main()
