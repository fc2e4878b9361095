import inspect
from pathlib import Path

import pytest

from glyphvae_training.study.equations import EQUATIONS, OURS, PAPER, Equation
from glyphvae_training.study.equations_page import equations_section, rounded

ROOT = Path(__file__).parents[3]


def test_the_paper_has_eight() -> None:
    assert len(PAPER) == 8
    assert len({equation.name for equation in EQUATIONS}) == len(PAPER) + len(OURS)


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.name)
def test_the_line_is_in_the_function(equation: Equation) -> None:
    assert equation.line in inspect.getsource(equation.function)
    assert (ROOT / equation.place).is_file()


@pytest.mark.parametrize("equation", EQUATIONS, ids=lambda equation: equation.name)
def test_the_page_says_so(equation: Equation) -> None:
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    assert f"`{equation.line}` in `{equation.function.__qualname__}`" in page
    assert f"(../{equation.place})" in page
    assert equation.formula in page
    assert equation.derivation in page


def test_every_formula_is_balanced() -> None:
    for text in (*(equation.formula for equation in EQUATIONS), *(equation.derivation for equation in EQUATIONS)):
        assert text.count("{") == text.count("}")
        assert text.count(r"\left") == text.count(r"\right")
        assert text.count(r"\begin") == text.count(r"\end")


def test_the_papers_come_first_by_number_and_ours_by_letter() -> None:
    section = equations_section()
    names = [f"**({number}) {equation.name}**" for number, equation in enumerate(PAPER, start=1)]
    names += [f"**({letter}) {equation.name}**" for letter, equation in zip("ABCD", OURS, strict=True)]
    places = [section.index(name) for name in names]
    assert places == sorted(places)
    assert places[7] < section.index("## Our equations") < places[8]


def test_3_and_4_follow_from_those_before() -> None:
    assert [number for number, equation in enumerate(PAPER, start=1) if equation.derivation] == [3, 4]
    assert "From (2):" in equations_section()
    assert "From (3):" in equations_section()


def test_numbers_are_short() -> None:
    assert [rounded(value) for value in (123456.7, 99.96, 1.234, 0.012345)] == ["123,457", "100", "1.23", "0.0123"]
