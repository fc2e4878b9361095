"""docs/benchmarks.md and its plots, written from the results; the text is in page.md.j2."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks.goals import GOALS, Goal, text_budget
from benchmarks.plots import PLOTS
from benchmarks.results import PARTS, Results
from benchmarks.rounds import Spread, spread


def number(value: float, digits: int = 3) -> str:
    """Write a number with so many significant digits, and never an exponent."""
    if value == 0:
        return "0"
    exact = float(f"{value:.{digits}g}")
    return f"{exact:,.0f}" if abs(exact) >= 10 ** (digits - 1) else f"{exact:.{digits + 3}f}".rstrip("0").rstrip(".")


def shown(value: Spread) -> str:
    """Write a spread as `median (low-high)`, the median alone where all rounds agree."""
    median, low, high = (number(part) for part in (value.median, value.low, value.high))
    return median if low == high else f"{median} ({low}–{high})"


FILTERS: dict[str, Callable[..., Any]] = {
    "each": lambda rows, key: [row[key] for row in rows],
    "exact": "{:,}".format,
    "fastest": lambda rows: sorted(rows, key=lambda row: -spread(row["ratios"]).median),
    "interval": lambda row: shown(Spread(row["median"], row["low"], row["high"])),
    "median": np.median,
    "megabytes": lambda size, digits=3: number(size / 1e6, digits),
    "number": number,
    "shown": lambda values: shown(spread(values)),
    "yes": lambda reached: "yes" if reached else "**no**",
}


def page(results: Results) -> str:
    """Return the page as Markdown; parts without results are left out."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # noqa: S701 (Markdown of our own figures)
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= FILTERS
    goals = [_goal(goal, results) for goal in GOALS if goal.part in results]
    budget = text_budget(results) if {"http", "decoder"} <= results.keys() else None
    versions: dict[str, str] = next((one["versions"] for one in results.values()), {})
    values = {"goals": goals, "text_budget": budget, "results": results, "versions": versions}
    return environment.get_template("page.md.j2").render({part: results.get(part) for part in PARTS}, **values)


def _goal(goal: Goal, results: Results) -> dict[str, str]:
    value = goal.measured(results)
    unit = f" {goal.unit}" if goal.unit else ""
    measured, reached = "not measured", ""
    if value is not None:
        measured, reached = f"{shown(value)}{unit}", FILTERS["yes"](goal.met(value))
    return {"what": goal.what, "goal": f"{goal.sign} {goal.bound:g}{unit}", "measured": measured, "reached": reached}


def write_page(docs: Path, results: Results) -> None:
    """Write benchmarks.md, and a plot of each part into images/."""
    (docs / "images").mkdir(parents=True, exist_ok=True)
    (docs / "benchmarks.md").write_text(page(results), encoding="utf-8")
    # A fixed salt and no date: the same numbers give the same file.
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        for part in PLOTS.keys() & results.keys():
            path = docs / "images" / f"benchmarks-{part}.svg"
            PLOTS[part](results[part]).savefig(path, metadata={"Date": None})
