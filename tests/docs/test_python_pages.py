"""Each public class has a page, which says what its docstrings say."""

from pathlib import Path

import pytest

from tests.docs.python_pages import FOLDER, INDEX, pages, public_classes

PAGES = pages()


def test_there_is_a_page_for_each_public_class() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)
    assert len(PAGES) == len(public_classes()) + 1
    assert "(python/README.md)" in (FOLDER.parent / "clients.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_that_of_the_code(name: str) -> None:
    assert Path(FOLDER, name).read_text(encoding="utf-8") == PAGES[name], "run python -m tests.docs.python_pages"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (INDEX, "| [`glyphvae.client.Hand`](Hand.md) | The hand that wrote letters. |"),
        ("Client.md", "generate(label: Labels = (), **options: Unpack[Drawing]) -> Glyphs"),
        ("Client.md", "- `seed`: Seed, for reproducible results."),
        ("AsyncClient.md", "await generate(label: Labels = (), **options: Unpack[Drawing]) -> Glyphs"),
        ("AsyncClient.md", "generate_chunks(label: Labels = (), **options: Unpack[Drawing]) -> AsyncIterator[Pixels]"),
        ("Retry.md", "- `attempts`: Maximum number of requests per call, 1 for no retries."),
        ("Writer.md", 'Writer().render("HELLO").save("hello.png")'),
    ],
)
def test_pages_have_signatures_and_options(name: str, line: str) -> None:
    assert line in PAGES[name].splitlines()
