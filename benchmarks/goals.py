"""The project's goals for speed, each beside what was measured."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.calls import TEXT
from benchmarks.results import Result
from benchmarks.rounds import Spread, ratios, spread
from benchmarks.training import FIRST_NAME, TRAIN_NAME

SERVICE = "glyphvae"
TEXT_CALL = f"render-text, {len(TEXT)} characters"
EMPTY = "FastAPI, empty route"
FRAMEWORKS = ("LitServe", "BentoML", "MLServer")

Results = dict[str, Result]


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        what: Measured.
        part: Whose results hold it.
        bound: The value to reach.
        at_least: Whether more is better.
        measured: From all results; None where the machine could not.
        unit: Of the value.
    """

    what: str
    part: str
    bound: float
    at_least: bool
    measured: Callable[[Results], Spread | None]
    unit: str = ""

    def met(self, value: Spread) -> bool:
        """Whether the median reaches the goal."""
        return value.median >= self.bound if self.at_least else value.median <= self.bound


def cell(results: Results, server: str, call: str, connections: int) -> dict[str, Any]:
    """The figures of one server, kind of request and number of connections in the part `http`."""
    for figure in results["http"]["figures"]:
        if (figure["server"], figure["call"], figure["connections"]) == (server, call, connections):
            found: dict[str, Any] = figure
            return found
    raise KeyError(f"no figures for {server}, {call}, {connections} connections")


def _ratio(call: str, key: str = "ratios", connections: int = 32) -> Callable[[Results], Spread]:
    return lambda results: spread(cell(results, SERVICE, call, connections)[key])


def rates(figure: dict[str, Any]) -> list[float]:
    """Requests a second in each round."""
    return [load["rate"] for load in figure["rounds"]]


def over(results: Results, others: Iterable[str], connections: int) -> Spread:
    """The service's requests a second for one glyph by those of the fastest of `others`, round by round."""
    own = rates(cell(results, SERVICE, "generate", connections))
    rivals = [rates(cell(results, other, "generate", connections)) for other in others]
    return spread([one / max(rival) for one, rival in zip(own, zip(*rivals, strict=True), strict=True)])


def framework_servers(results: Results) -> list[str]:
    """The servers of all frameworks, in all their settings."""
    names = {figure["server"] for figure in results["http"]["figures"]}
    return sorted(name for name in names if name.startswith(FRAMEWORKS))


def _lower_of(results: Results) -> Spread:
    return min((over(results, [EMPTY], connections) for connections in (1, 32)), key=lambda value: value.median)


def _at_rest(key: str, scale: float = 1.0) -> Callable[[Results], Spread]:
    def measured(results: Results) -> Spread:
        (own,) = (row for row in results["footprint"]["figures"]["at_rest"] if row["server"] == SERVICE)
        values = own[key] if isinstance(own[key], list) else [own[key]]
        return spread([scale * value for value in values])

    return measured


def _decoder(results: Results, batch: int) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = (row for row in results["decoder"]["figures"]["batches"] if row["batch"] == batch)
    return found


def text_budget(results: Results) -> tuple[float, float]:
    """Microseconds of a core that the glyphs of a text take the decoder alone, and that its goal allows for all of it.

    The former at the batch that suits the decoder best, the latter by the bare limit's requests a second.
    """
    (goal,) = (goal for goal in GOALS if "/render-text" in goal.what)
    figure = cell(results, SERVICE, TEXT_CALL, 32)
    bare = median(rate / ratio for rate, ratio in zip(rates(figure), figure["ratios"], strict=True))
    fastest = min(median(row["microseconds"]["shipped"]) for row in results["decoder"]["figures"]["batches"])
    return len(TEXT.replace(" ", "")) * fastest, 1e6 / (goal.bound * bare)


def _training(results: Results) -> Spread | None:
    seconds = {row["variant"]: row["seconds"] for row in results["training"]["figures"]["variants"]}
    return spread(ratios(seconds[TRAIN_NAME], seconds[FIRST_NAME])) if FIRST_NAME in seconds else None


GOALS = (
    Goal("`POST /generate?label=J`, no seed", "http", 0.5, True, _ratio("generate")),
    Goal("its p99 latency", "http", 3, False, _ratio("generate", "p99_ratios")),
    Goal("its rate by that of the empty FastAPI route (the lower of 1 and 32 connections)", "http", 1, True, _lower_of),
    Goal(
        "its rate by that of the best framework",
        "http",
        10,
        True,
        lambda results: over(results, framework_servers(results), 32),
    ),
    Goal("the same with `seed=`", "http", 0.4, True, _ratio("generate, seed")),
    Goal("the same with `z=`", "http", 0.4, True, _ratio("generate, z")),
    Goal("its p50 latency with 1 connection", "http", 5, False, _ratio("generate", "p50_ratios", 1)),
    Goal("`POST /encode`, a PNG that Pillow wrote to JSON", "http", 0.2, True, _ratio("encode")),
    Goal("the same with `label=`", "http", 0.2, True, _ratio("encode, label")),
    Goal("`POST /reconstruct`, a PNG that Pillow wrote to PNG", "http", 0.15, True, _ratio("reconstruct")),
    Goal("the same with `label=`", "http", 0.15, True, _ratio("reconstruct, label")),
    Goal(
        "`POST /render-text`, 20 characters, fresh latents",
        "http",
        0.12,
        True,
        _ratio(TEXT_CALL),
    ),
    Goal(
        "`POST /generate`, n=10,000 as `.npy`, by ONNX Runtime alone",
        "growth",
        0.85,
        True,
        lambda results: spread(results["growth"]["figures"]["alone"]["ratios"]),
    ),
    Goal("process start to first answer", "footprint", 1.0, False, _at_rest("start_seconds"), "s"),
    Goal("memory at rest", "footprint", 120, False, _at_rest("resident_bytes", 1e-6), "MB"),
    Goal("idle processor time", "footprint", 0.5, False, _at_rest("idle_core_share", 100), "% of a core"),
    Goal(
        "decoder at batch 32, time per image",
        "decoder",
        40,
        False,
        lambda results: spread(_decoder(results, 32)["microseconds"]["shipped"]),
        "µs",
    ),
    Goal(
        "decoder at batch 32, by the transposed-convolution reference",
        "decoder",
        0.35,
        False,
        lambda results: spread(_decoder(results, 32)["ratios"]),
    ),
    Goal(
        "`glyphvae train`, an epoch of 36 classes on two cores, by the project's first version",
        "training",
        0.5,
        False,
        _training,
    ),
)
