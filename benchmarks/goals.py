"""The project's goals for speed, each with the figure it is held against."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.calls import TEXT
from benchmarks.peers import EMPTY
from benchmarks.results import Results
from benchmarks.rounds import Spread, ratios, spread
from benchmarks.server import SERVICE
from benchmarks.training import FIRST_NAME, TRAIN_NAME

TEXT_CALL = f"render-text, {len(TEXT)} characters"
FRAMEWORKS = ("LitServe", "BentoML", "MLServer")


@dataclass(frozen=True)
class Goal:
    """A goal for one figure.

    Attributes:
        what: The figure in words.
        part: The part whose results hold it.
        sign: `≥` where more is better, else `≤`.
        bound: The value to reach.
        measured: Returns the figure from all results; None where the machine could not measure it.
        unit: Of the value.
    """

    what: str
    part: str
    sign: str
    bound: float
    measured: Callable[[Results], Spread | None]
    unit: str = ""

    def met(self, value: Spread) -> bool:
        """Return whether the median reaches the goal."""
        return value.median >= self.bound if self.sign == "≥" else value.median <= self.bound


def row(rows: Iterable[dict[str, Any]], **wanted: object) -> dict[str, Any]:
    """Return the only row whose fields have the wanted values."""
    (found,) = (one for one in rows if all(one[key] == value for key, value in wanted.items()))
    return found


def _http(results: Results, call: str, connections: int = 32, server: str = SERVICE) -> dict[str, Any]:
    return row(results["http"]["figures"], server=server, call=call, connections=connections)


def _ratio(call: str, key: str = "ratios", connections: int = 32) -> Callable[[Results], Spread]:
    return lambda results: spread(_http(results, call, connections)[key])


def _rates(results: Results, connections: int, server: str = SERVICE) -> list[float]:
    return [load["rate"] for load in _http(results, "generate", connections, server)["rounds"]]


def _over_empty(results: Results) -> Spread:
    counts = (1, 32)
    both = [spread(ratios(_rates(results, count), _rates(results, count, EMPTY.name))) for count in counts]
    return min(both, key=lambda value: value.median)


def _over_frameworks(results: Results) -> Spread:
    """Divide the service's rate by that of the fastest framework of the same round."""
    names = {figure["server"] for figure in results["http"]["figures"]}
    rivals = [_rates(results, 32, name) for name in sorted(names) if name.startswith(FRAMEWORKS)]
    return spread(ratios(_rates(results, 32), [max(round_) for round_ in zip(*rivals, strict=True)]))


def _alone(results: Results) -> Spread:
    return spread(results["growth"]["figures"]["alone"]["ratios"])


def _at_rest(key: str, scale: float = 1.0) -> Callable[[Results], Spread]:
    def measured(results: Results) -> Spread:
        value = row(results["footprint"]["figures"]["at_rest"], server=SERVICE)[key]
        return spread([scale * one for one in (value if isinstance(value, list) else [value])])

    return measured


def _decoder(*path: str) -> Callable[[Results], Spread]:
    def measured(results: Results) -> Spread:
        value: Any = row(results["decoder"]["figures"]["batches"], batch=32)
        for key in path:
            value = value[key]
        return spread(value)

    return measured


def _training(results: Results) -> Spread | None:
    seconds = {one["variant"]: one["seconds"] for one in results["training"]["figures"]["variants"]}
    return spread(ratios(seconds[TRAIN_NAME], seconds[FIRST_NAME])) if FIRST_NAME in seconds else None


TEXT_GOAL = Goal("`POST /render-text`, 20 characters, fresh latents", "http", "≥", 0.12, _ratio(TEXT_CALL))
GOALS = (
    Goal("`POST /generate?label=J`, no seed", "http", "≥", 0.5, _ratio("generate")),
    Goal("its p99 latency", "http", "≤", 3, _ratio("generate", "p99_ratios")),
    Goal(
        "its rate by that of the empty FastAPI route (the lower of 1 and 32 connections)", "http", "≥", 1, _over_empty
    ),
    Goal("its rate by that of the best framework", "http", "≥", 10, _over_frameworks),
    Goal("the same with `seed=`", "http", "≥", 0.4, _ratio("generate, seed")),
    Goal("the same with `z=`", "http", "≥", 0.4, _ratio("generate, z")),
    Goal("its p50 latency with 1 connection", "http", "≤", 5, _ratio("generate", "p50_ratios", 1)),
    Goal("`POST /encode`, a PNG that Pillow wrote to JSON", "http", "≥", 0.2, _ratio("encode")),
    Goal("the same with `label=`", "http", "≥", 0.2, _ratio("encode, label")),
    Goal("`POST /reconstruct`, a PNG that Pillow wrote to PNG", "http", "≥", 0.15, _ratio("reconstruct")),
    Goal("the same with `label=`", "http", "≥", 0.15, _ratio("reconstruct, label")),
    TEXT_GOAL,
    Goal("`POST /generate`, n=10,000 as `.npy`, by ONNX Runtime alone", "growth", "≥", 0.85, _alone),
    Goal("process start to first answer", "footprint", "≤", 1.0, _at_rest("start_seconds"), "s"),
    Goal("memory at rest", "footprint", "≤", 120, _at_rest("resident_bytes", 1e-6), "MB"),
    Goal("idle processor time", "footprint", "≤", 0.5, _at_rest("idle_core_share", 100), "% of a core"),
    Goal("decoder at batch 32, time per image", "decoder", "≤", 40, _decoder("microseconds", "shipped"), "µs"),
    Goal("decoder at batch 32, by the transposed-convolution reference", "decoder", "≤", 0.35, _decoder("ratios")),
    Goal("`glyphvae train`, an epoch of 36 classes on 2 cores, by its first version", "training", "≤", 0.5, _training),
)


def text_budget(results: Results) -> dict[str, float]:
    """Return microseconds of a core that a text takes the decoder alone at its best batch, and that its goal allows."""
    figure = _http(results, TEXT_CALL)
    bare = median(load["rate"] / ratio for load, ratio in zip(figure["rounds"], figure["ratios"], strict=True))
    fastest = min(median(one["microseconds"]["shipped"]) for one in results["decoder"]["figures"]["batches"])
    return {"decoder": len(TEXT.replace(" ", "")) * fastest, "allowed": 1e6 / (TEXT_GOAL.bound * bare)}
