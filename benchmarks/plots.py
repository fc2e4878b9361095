"""Pictures of the results."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.goals import EMPTY, SERVICE, rates
from benchmarks.http import BARE
from benchmarks.results import Result
from benchmarks.rounds import spread

OWN, OTHER, LIMIT = "C0", "0.65", "C3"


def throughput(result: Result, connections: int = 32) -> Figure:
    """The ratio of every server to the bare limit."""
    rows = [figure for figure in result["figures"] if figure["connections"] == connections and figure["server"] != BARE]
    rows.sort(key=lambda figure: spread(figure["ratios"]).median)
    figure = Figure(figsize=(8, 0.32 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        value = spread(row["ratios"])
        own = row["server"] == SERVICE
        axes.barh(place, value.median, color=OWN if own else OTHER)
        axes.plot([value.low, value.high], [place, place], color="black", linewidth=1)
        axes.annotate(
            f"{value.median:.3f}", (value.high, place), xytext=(4, -3), textcoords="offset points", fontsize=8
        )
    names = [f"{SERVICE}: {row['call']}" if row["server"] == SERVICE else row["server"] for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_xlabel(f"requests a second by those of bare uvicorn, {connections} connections, one core")
    axes.set_xlim(0, 1)
    axes.grid(axis="x", alpha=0.3)
    return figure


def latency(result: Result) -> Figure:
    """Latency percentiles by the share of capacity."""
    servers = result["figures"]
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, percentile in zip(figure.subplots(1, 2, sharey=True), ("p50", "p99"), strict=True):
        for server in servers:
            shares = sorted({row["share"] for row in server["shares"]})
            middle = [
                spread([row["latency_ms"][percentile] for row in server["shares"] if row["share"] == share]).median
                for share in shares
            ]
            axes.plot([100 * share for share in shares], middle, "o-", label=server["server"])
        axes.set(xlabel="load, % of capacity", yscale="log", title=percentile)
        axes.grid(alpha=0.3)
        axes.set_ylabel("latency, ms, from when a request was due")
        axes.label_outer()
    axes.legend(fontsize=8)
    return figure


def growth(result: Result) -> Figure:
    """Cost by requests in flight, glyphs and characters."""
    figures = result["figures"]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for server, colour in ((BARE, LIMIT), (SERVICE, OWN), (EMPTY, OTHER)):
        rows = [row for row in figures["connections"] if row["server"] == server]
        _line(left, [(row["connections"], spread(rates(row)).median) for row in rows], colour, server)
    left.set(xlabel="requests in flight", ylabel="requests a second", xscale="log", ylim=0)
    left.legend(fontsize=7)
    _seconds(middle, figures["samples"], "n", "glyphs in an answer")
    _seconds(right, figures["characters"], "characters", "characters in a text")
    return figure


def _seconds(axes: Axes, rows: list[dict[str, Any]], key: str, label: str) -> None:
    _line(axes, [(row[key], 1000 * row["median_seconds"]) for row in rows], OWN, "")
    axes.set(xlabel=label, ylabel="milliseconds", xscale="log", yscale="log")


def _line(axes: Axes, points: list[tuple[float, float]], colour: str, label: str) -> None:
    axes.plot(*zip(*points, strict=True), "o-", color=colour, label=label, markersize=4)
    axes.grid(alpha=0.3)


def decoder(result: Result) -> Figure:
    """Time per image by batch, the shipped decoder and the reference."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, colour in (("shipped", OWN), ("reference", OTHER)):
        points = [(row["batch"], spread(row["microseconds"][name]).median) for row in result["figures"]["batches"]]
        _line(axes, points, colour, name)
    axes.set(xlabel="batch", ylabel="µs per image, one thread", xscale="log", yscale="log")
    axes.legend(fontsize=8)
    return figure


PLOTS = {"http": throughput, "arrivals": latency, "growth": growth, "decoder": decoder}
