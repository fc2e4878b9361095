"""Plots of the results."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.peers import BARE, EMPTY
from benchmarks.results import Result
from benchmarks.rounds import spread
from benchmarks.server import SERVICE

OWN, OTHER, LIMIT = "C0", "0.65", "C3"


def throughput(result: Result, connections: int = 32) -> Figure:
    """Plot the ratio of every server to the bare limit."""
    rows = [one for one in result["figures"] if one["connections"] == connections and one["server"] != BARE.name]
    rows.sort(key=lambda row: spread(row["ratios"]).median)
    figure = Figure(figsize=(8, 0.32 * len(rows) + 1.2), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(rows):
        value = spread(row["ratios"])
        axes.barh(place, value.median, color=OWN if row["server"] == SERVICE else OTHER)
        axes.plot([value.low, value.high], [place, place], color="black", linewidth=1)
        end = (value.high, place)
        axes.annotate(f"{value.median:.3f}", end, xytext=(4, -3), textcoords="offset points", fontsize=8)
    names = [f"{SERVICE}: {row['call']}" if row["server"] == SERVICE else row["server"] for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlabel=f"requests a second by those of bare uvicorn, {connections} connections, one core", xlim=(0, 1))
    axes.grid(axis="x", alpha=0.3)
    return figure


def latency(result: Result) -> Figure:
    """Plot latency percentiles by the share of capacity."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    for axes, percentile in zip(figure.subplots(1, 2, sharey=True), ("p50", "p99"), strict=True):
        for server in result["figures"]:
            by_share: dict[float, list[float]] = {}
            for row in server["shares"]:
                by_share.setdefault(row["share"], []).append(row["latency_ms"][percentile])
            points = [(100 * share, spread(values).median) for share, values in sorted(by_share.items())]
            axes.plot(*zip(*points, strict=True), "o-", label=server["server"])
        axes.set(xlabel="load, % of capacity", yscale="log", title=percentile)
        axes.grid(alpha=0.3)
        axes.set_ylabel("latency, ms, from when a request was due")
        axes.label_outer()
    axes.legend(fontsize=8)
    return figure


def growth(result: Result) -> Figure:
    """Plot cost by requests in flight, glyphs and characters."""
    figures = result["figures"]
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for server, colour in ((BARE.name, LIMIT), (SERVICE, OWN), (EMPTY.name, OTHER)):
        rows = [row for row in figures["connections"] if row["server"] == server]
        rates = [spread([load["rate"] for load in row["rounds"]]).median for row in rows]
        _line(left, [row["connections"] for row in rows], rates, colour, server)
    left.set(xlabel="requests in flight", ylabel="requests a second", xscale="log", ylim=0)
    left.legend(fontsize=7)
    for axes, key, label in ((middle, "samples", "glyphs in an answer"), (right, "characters", "characters in a text")):
        rows = figures[key]
        counts = [row["n" if key == "samples" else key] for row in rows]
        _line(axes, counts, [1000 * row["median_seconds"] for row in rows], OWN, "")
        axes.set(xlabel=label, ylabel="milliseconds", xscale="log", yscale="log")
    return figure


def _line(axes: Axes, x: list[float], y: list[float], colour: str, label: str) -> None:
    axes.plot(x, y, "o-", color=colour, label=label, markersize=4)
    axes.grid(alpha=0.3)


def decoder(result: Result) -> Figure:
    """Plot time per image by batch, of the shipped decoder and the reference."""
    rows: list[dict[str, Any]] = result["figures"]["batches"]
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axes = figure.subplots()
    for name, colour in (("shipped", OWN), ("reference", OTHER)):
        times = [spread(row["microseconds"][name]).median for row in rows]
        _line(axes, [row["batch"] for row in rows], times, colour, name)
    axes.set(xlabel="batch", ylabel="µs per image, one thread", xscale="log", yscale="log")
    axes.legend(fontsize=8)
    return figure


PLOTS = {"http": throughput, "arrivals": latency, "growth": growth, "decoder": decoder}
