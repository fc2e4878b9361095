import inspect
from pathlib import Path

import pytest

from glyphvae_training.study.equations import EQUATIONS, Equation

ROOT = Path(__file__).parents[3]


def test_there_are_eight() -> None:
    assert len({equation.name for equation in EQUATIONS}) == 8


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.name)
def test_the_line_is_in_the_function(equation: Equation) -> None:
    assert equation.line in inspect.getsource(equation.function)
    assert (ROOT / equation.place).is_file()


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.name)
def test_the_page_says_so(equation: Equation) -> None:
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    assert f"`{equation.line}` in `{equation.function.__qualname__}`" in page
    assert f"(../{equation.place})" in page
