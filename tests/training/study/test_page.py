import re
import shutil
from pathlib import Path

from glyphvae_training.study.context import RESULTS
from glyphvae_training.study.page import converged, write_page
from glyphvae_training.study.plan import FULL, plans

DOCS = Path(__file__).parents[3] / "docs"


def test_without_results_there_are_the_equations_alone(tmp_path: Path) -> None:
    page = write_page(tmp_path).read_text(encoding="utf-8")
    assert "## The paper's equations" in page
    assert "## Figure" not in page


def test_the_committed_page_has_every_figure_and_every_picture() -> None:
    page = (DOCS / "paper.md").read_text(encoding="utf-8")
    assert re.findall(r"^## Figure (\d)", page, re.MULTILINE) == ["1", "2", "3", "4", "5", "6"]
    links = re.findall(r"\((images/paper/[^)]+)\)", page)
    assert len(links) >= 20
    assert all((DOCS / link).is_file() for link in links)
    assert all(f"`{plan.name}`" in page for plan in plans(FULL))


def test_the_committed_page_is_what_its_numbers_say(tmp_path: Path) -> None:
    shutil.copytree(DOCS / RESULTS, tmp_path / RESULTS)
    assert write_page(tmp_path).read_text(encoding="utf-8") == (DOCS / "paper.md").read_text(encoding="utf-8")


def test_models_that_all_converged_are_not_named() -> None:
    assert converged([]).startswith("All seven")
    assert "the models of β = 0.001, 0.1." in converged([0.001, 0.1])
