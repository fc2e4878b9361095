import re
from pathlib import Path

from glyphvae_training.study.page import write_page
from glyphvae_training.study.plan import FULL, plans

DOCS = Path(__file__).parents[3] / "docs"


def test_without_results_there_are_the_equations_alone(tmp_path: Path) -> None:
    page = write_page(tmp_path, tmp_path).read_text(encoding="utf-8")
    assert "## The paper's equations" in page
    assert "## Figure" not in page


def test_the_committed_page_has_every_figure_and_every_picture() -> None:
    page = (DOCS / "paper.md").read_text(encoding="utf-8")
    assert re.findall(r"^## Figure (\d)", page, re.MULTILINE) == ["2", "3", "4", "5", "6"]
    links = re.findall(r"\((images/paper/[^)]+)\)", page)
    assert len(links) >= 20
    assert all((DOCS / link).is_file() for link in links)
    assert all(f"`{plan.name}`" in page for plan in plans(FULL))
