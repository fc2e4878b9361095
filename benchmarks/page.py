"""docs/benchmarks.md, written from the results."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

from benchmarks.goals import GOALS, Goal, Results, text_budget
from benchmarks.plots import PLOTS
from benchmarks.results import Result
from benchmarks.sections import (
    arrivals_section,
    decoder_section,
    footprint_section,
    gpu_section,
    growth_section,
    http_section,
    number,
    shown,
    training_section,
)
from glyphvae_training.evaluation.report import table

NOT_YET = {
    "arrivals": "## Latency at a given load\n\nNot measured yet: `python -m benchmarks arrivals`.",
    "growth": "## How cost grows\n\nNot measured yet: `python -m benchmarks growth`.",
    "gpu": "## GPU\n\nNot measured yet: no NVIDIA GPU was at hand. `make bench-gpu` measures on one.",
}

INTRODUCTION = """\
# Benchmarks

Written by `make bench` from `benchmarks/results/*.json`; no figure is typed by hand. `python -m benchmarks --help`
lists the parts that can be measured alone.

The server runs on one processor core and the load on another. Servers take turns within a round while all others are
stopped (`SIGSTOP`), a turn follows a warm-up, and a table shows the median of the rounds with the lowest and the
highest in brackets. Machines differ and are shared, so what counts is the ratio to the **bare limit** of the same
round: uvicorn with uvloop and httptools, a raw ASGI application and a constant PNG about as large as the answer
(within a factor of two). The shipped decoder is inside every server that runs a model, on one thread.
"""


def write_page(docs: Path, results: Results) -> None:
    """Write benchmarks.md and a plot of each part into images/."""
    (docs / "images").mkdir(parents=True, exist_ok=True)
    (docs / "benchmarks.md").write_text(page(results), encoding="utf-8")
    # A fixed salt and no date: the same numbers give the same file.
    with mpl.rc_context({"svg.hashsalt": "benchmarks", "svg.fonttype": "none"}):
        for part, plot in PLOTS.items():
            if part in results:
                path = docs / "images" / f"benchmarks-{part}.svg"
                plot(results[part]).savefig(path, metadata={"Date": None})


def page(results: Results) -> str:
    """The page as Markdown; parts without results are left out."""
    sections: list[tuple[str, Callable[[Result], str]]] = [
        ("http", http_section),
        ("arrivals", arrivals_section),
        ("footprint", footprint_section),
        ("growth", growth_section),
        ("decoder", decoder_section),
        ("training", training_section),
        ("gpu", gpu_section),
    ]
    written = [write(results[part]) + remarks(results[part]) for part, write in sections if part in results]
    written += [f"{missing}\n" for part, missing in NOT_YET.items() if part not in results]
    return "\n".join([INTRODUCTION, goals_section(results), *written, machine_section(results)])


def remarks(result: Result) -> str:
    """What readers have to know besides the figures."""
    return "".join(f"\n**Note:** {remark}\n" for remark in result["remarks"])


def goals_section(results: Results) -> str:
    """Each goal beside what was measured."""
    rows = [_goal_row(goal, results) for goal in GOALS if goal.part in results]
    head = ["what", "goal", "measured", "reached"]
    section = f"## Goals\n\nRatios to the bare limit, one core, 32 connections unless said.\n\n{table(head, rows)}\n"
    if not {"http", "decoder"} <= results.keys():
        return section
    decoding, allowed = text_budget(results)
    return (
        f"{section}\nThe goal for `/render-text` allows {number(allowed)} µs of a core for a text. Of these its glyphs "
        f"take the decoder alone\n{number(decoding)} µs in its best batches; HTTP, layout, enlarging and the PNG come "
        "on top.\n"
    )


def _goal_row(goal: Goal, results: Results) -> list[str]:
    value = goal.measured(results)
    sign = "≥" if goal.at_least else "≤"
    unit = f" {goal.unit}" if goal.unit else ""
    bound = f"{sign} {goal.bound:g}{unit}"
    if value is None:
        return [goal.what, bound, "not measured", ""]
    return [goal.what, bound, f"{shown(value)}{unit}", "yes" if goal.met(value) else "**no**"]


def machine_section(results: Results) -> str:
    """What each part was measured on."""
    rows = []
    for part, result in results.items():
        machine = result["machine"]
        commit = result["commit"][:12] + (" with changes" if result["uncommitted_changes"] else "")
        facts = f"{machine['processor']}, {machine['cores']} cores, Linux {machine['kernel']}"
        rows.append([part, result["taken"][:16].replace("T", " "), facts, commit])
    versions = next(iter(results.values()))["versions"] if results else {}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"## Machine\n\n{table(['part', 'measured (UTC)', 'machine', 'commit'], rows)}\n\nVersions: {listed}.\n"
