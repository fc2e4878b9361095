"""The sections of docs/benchmarks.md, one a part."""

from collections.abc import Sequence
from typing import Any

from benchmarks.goals import rates
from benchmarks.http import BARE, CONNECTIONS
from benchmarks.results import Result
from benchmarks.rounds import Spread, spread
from glyphvae_training.evaluation.report import table

MEGABYTE = 1e6


def shown(value: Spread, digits: int = 3) -> str:
    """A spread as `median (low-high)`, the median alone where all rounds agree."""
    median, low, high = (number(part, digits) for part in (value.median, value.low, value.high))
    return median if low == high else f"{median} ({low}–{high})"


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, and never an exponent."""
    if value == 0:
        return "0"
    exact = float(f"{value:.{digits}g}")
    return f"{exact:,.0f}" if abs(exact) >= 10 ** (digits - 1) else f"{exact:.{digits + 3}f}".rstrip("0").rstrip(".")


def http_section(result: Result) -> str:
    """Requests a second and latency."""
    settings = result["settings"]
    text = f"""\
## Requests a second and latency

`wrk`, one thread, keep-alive, {settings["rounds"]} rounds of {settings["seconds"]} s.
BentoML's batched endpoint answers base 64 in JSON and MLServer 784 numbers in JSON; all others answer one glyph as PNG.

![Ratio to the bare limit](images/benchmarks-http.svg)
"""
    for connections in CONNECTIONS:
        rows = [row for row in result["figures"] if row["connections"] == connections]
        rows.sort(key=lambda row: -spread(row["ratios"]).median)
        name = "one connection" if connections == 1 else f"{connections} connections"
        text += f"\n### With {name}\n\n{table(HTTP_HEAD, [_http_row(row) for row in rows])}\n"
    return text


HTTP_HEAD = ["server", "request", "requests a second", "ratio to the bare limit", "p50 ms", "p99 ms", "errors"]


def _http_row(row: dict[str, Any]) -> list[str]:
    loads = row["rounds"]
    return [
        f"**{row['server']}**" if row["server"] == BARE else row["server"],
        row["call"],
        shown(spread(rates(row))),
        shown(spread(row["ratios"])),
        shown(spread([load["p50_ms"] for load in loads])),
        shown(spread([load["p99_ms"] for load in loads])),
        str(row["errors"]),
    ]


def arrivals_section(result: Result) -> str:
    """Latency under an open loop."""
    settings = result["settings"]
    rows = []
    for server in result["figures"]:
        for share in sorted({row["share"] for row in server["shares"]}):
            chosen = [row for row in server["shares"] if row["share"] == share]
            percentiles = [
                shown(spread([row["latency_ms"][name] for row in chosen])) for name in chosen[0]["latency_ms"]
            ]
            errors = sum(row["errors"] for row in chosen)
            late = max(row["lateness_p99_ms"] or 0 for row in chosen)
            capacity = number(spread(server["capacity"]).median)
            rows.append([server["server"], capacity, f"{share:.0%}", *percentiles, number(late, 2), str(errors)])
    head = ["server", "capacity, requests a second", "load", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms"]
    return f"""\
## Latency at a given load

Requests for one glyph arrive at random (a Poisson process) at a share of the capacity that 32 connections reached just
before, for {settings["seconds"]} s in each of {settings["rounds"]} rounds. Latency counts from the moment a request was
due, so a server that stalls pays for every request that came meanwhile; the driver's own lateness stands beside it.

{table([*head, "driver late by, p99 ms", "errors"], rows)}

![Latency by load](images/benchmarks-arrivals.svg)
"""


def footprint_section(result: Result) -> str:
    """Start, memory, idle processor time."""
    rows = [
        [
            row["server"],
            shown(spread(row["start_seconds"])),
            number(row["resident_bytes"] / MEGABYTE),
            number(100 * row["idle_core_share"], 2),
        ]
        for row in result["figures"]["at_rest"]
    ]
    after = result["figures"]["after_requests"]
    before, later = (number(after[f"resident_bytes_{when}"] / MEGABYTE, 4) for when in ("before", "after"))
    head = ["server", "start to first answer, s", "memory at rest, MB", "idle processor time, % of a core"]
    return f"""\
## Start, memory and idling

On one core; memory is resident (RSS) of all processes together, one second after the first answer.

{table(head, rows)}

After {after["requests"]:,} requests for one glyph ({after["errors"]} errors) the service held {later} MB, against
{before} MB after its warm-up.
"""


def growth_section(result: Result) -> str:
    """How cost grows."""
    figures = result["figures"]
    connections = [
        [
            row["server"],
            str(row["connections"]),
            shown(spread(rates(row))),
            shown(spread(row["ratios"])),
            shown(spread([load["p99_ms"] for load in row["rounds"]])),
            str(row["errors"]),
        ]
        for row in figures["connections"]
        if row["server"] != BARE
    ]
    samples = [[f"{row['n']:,}", *_size_row(row, row["n"])] for row in figures["samples"]]
    characters = [[f"{row['characters']:,}", *_size_row(row, row["characters"])] for row in figures["characters"]]
    head = ["median ms", "µs each", "answer, bytes", "peak memory, MB"]
    alone = figures["alone"]
    delivered, decoded = (number(spread(alone["rates"][name]).median) for name in ("http", "onnxruntime"))
    return f"""\
## How cost grows

![Growth](images/benchmarks-growth.svg)

### With requests in flight

{table(["server", "connections", "requests a second", "ratio to the bare limit", "p99 ms", "errors"], connections)}

### With the glyphs of one answer

`POST /generate?label=J&n=…` as `.npy`, one request at a time.

{table(["n", *head], samples)}

At n={alone["n"]:,} the service delivers {delivered} glyphs a second, and ONNX Runtime alone on that core,
{alone["batch"]} at a time, {decoded}: a share of {shown(spread(alone["ratios"]))}.

### With the characters of a text

`POST /render-text` at scale 2, wrapped to 1,000 glyph pixels, as PNG, one request at a time.

{table(["characters", *head], characters)}

### With server processes

Two processes use both cores, one of which also drives the load.

{_workers_table(figures["workers"])}

### With models

Copies of the default model; requests go to one of them, 32 connections.

{_models_table(figures["models"])}
"""


def _size_row(row: dict[str, Any], count: int) -> list[str]:
    each = 1e6 * row["median_seconds"] / count
    milliseconds = number(1000 * row["median_seconds"])
    return [milliseconds, number(each), f"{row['bytes']:,}", number(row["peak_bytes"] / MEGABYTE)]


def _workers_table(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        [str(row["workers"]), number(row["rate"]), number(row["p99_ms"]), number(row["resident_bytes"] / MEGABYTE)]
        for row in rows
    ]
    return table(["processes", "requests a second", "p99 ms", "memory, MB"], cells)


def _models_table(rows: Sequence[dict[str, Any]]) -> str:
    cells = [
        [
            str(row["models"]),
            number(row["start_seconds"]),
            number(row["resident_bytes"] / MEGABYTE),
            number(row["rate"]),
        ]
        for row in rows
    ]
    return table(["models", "start to first answer, s", "memory at rest, MB", "requests a second"], cells)


def decoder_section(result: Result) -> str:
    """The shipped decoder, in integers and exact, against the reference."""
    rows = [
        [
            str(row["batch"]),
            shown(spread(row["microseconds"]["shipped"])),
            shown(spread(row["microseconds"]["exact"])),
            shown(spread(row["microseconds"]["reference"])),
            shown(spread(row["ratios"])),
        ]
        for row in result["figures"]["batches"]
    ]
    models = [
        [row["model"], shown(spread(row["microseconds"])), shown(spread(row["ratios"]))]
        for row in result["figures"]["models"]
    ]
    return f"""\
## Decoder

ONNX Runtime on one thread, from latents to 8-bit pixels, {result["settings"]["rounds"]} turns each. The reference is a
decoder of two dense layers and two transposed convolutions, 0.85 M parameters, that never changes
(`benchmarks/decoder.py`).

{table(["batch", "µs per image", "in float32, µs per image", "reference, µs per image", "ratio"], rows)}

![Time per image](images/benchmarks-decoder.svg)

Every conditional model as the service runs it, in batches of {result["figures"]["models"][0]["batch"]}:

{table(["model", "µs per image", "ratio to the reference"], models)}
"""


def training_section(result: Result) -> str:
    """Images a second in training."""
    figures = result["figures"]
    rows = [
        [
            row["variant"],
            shown(spread(row["seconds"])),
            shown(spread(row["ratios"])),
            number(row["images_per_second"]),
            f"{row['share_of_peak']:.0%}",
        ]
        for row in figures["variants"]
    ]
    threads = result["settings"]["threads"]
    return f"""\
## Training

The autoencoder of `cvae` on {threads} CPU threads, {figures["flop_per_image"] / 1e6:.1f} MFLOP an image both ways.
An epoch is {figures["images"]:,} images. The reference is the loop that people write first: a `DataLoader` that
converts and collates image by image. `glyphvae train` also measures each epoch on held-out images, draws samples and
writes a checkpoint, as its first version did. The peak is that of a large matrix product in the same precision.

{table(["", "seconds an epoch", "ratio to the reference", "images a second", "of peak arithmetic"], rows)}
"""


def gpu_section(result: Result) -> str:
    """Images a second out of a GPU."""
    figures = result["figures"]
    batches = sorted({row["batch"] for row in figures["images"]})
    names = list(dict.fromkeys(row["variant"] for row in figures["images"]))
    rates_of = {(row["variant"], row["batch"]): row["images_per_second"] for row in figures["images"]}
    rows = [[name, *(number(rates_of[name, batch]) for batch in batches)] for name in names]
    limits = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in figures["limits"].items())
    http = [
        [str(row["workers"]), row["call"], number(row["glyphs_per_second"]), number(row["p99_ms"]), str(row["errors"])]
        for row in figures["http"]
    ]
    return f"""\
## GPU

{figures["device"]}, images a second by batch. Limits, images a second: {limits}. The GPU is faster than one CPU thread
from batch {figures["crossover_batch"]} on.

{table(["", *map(str, batches)], rows)}

{table(["processes", "request", "glyphs a second", "p99 ms", "errors"], http)}
"""
