"""`python -m benchmarks PART`: measure, write the results, and write docs/benchmarks.md from them."""

import re
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from inspect import Parameter, getdoc, signature
from pathlib import Path
from typing import Any

from benchmarks import (
    compare,
    dataset,
    decoder,
    doubt,
    footprint,
    gpu,
    gpu_proof,
    growth,
    grpc_calls,
    hands,
    http,
    pages,
    pairs,
    pictures,
    reliability,
    results,
    training,
)
from benchmarks.page import write_page
from benchmarks.processes import BenchmarkError
from benchmarks.server import ROOT, Subject, stop_on_signal

# Every parameter but the subject becomes an option of the same name and goes into the results as a setting.
PARTS: dict[str, Callable[..., Any]] = {
    "http": http.measure,
    "arrivals": http.measure_arrivals,
    "footprint": footprint.measure,
    "growth": growth.measure,
    "grpc": grpc_calls.measure,
    "compare": compare.checkouts,
    "guarded": compare.guarded,
    "decoder": decoder.measure,
    "training": training.measure,
    "gpu": gpu.measure,
    "gpu-proof": gpu_proof.measure,
    "overload": reliability.overload,
    "soak": reliability.soak,
    "slow": reliability.slow,
    "recovery": reliability.recovery,
    "dataset": dataset.measure,
    "hands": hands.measure,
    "pictures": pictures.measure,
    "pairs": pairs.measure,
    "doubt": doubt.measure,
    "pages": pages.measure,
}
# The parts of `all`, with the settings that `--full` changes.
ALL: dict[str, dict[str, int]] = {
    "http": {"rounds": 15},
    "footprint": {"seconds": 9, "requests": 1_000_000},
    "growth": {"rounds": 6},
    "decoder": {},
    "arrivals": {"seconds": 9},
    "training": {"rounds": 4},
}


def parser() -> ArgumentParser:
    """Make the parser of the command line from the signatures of the parts."""
    common = ArgumentParser(add_help=False)
    common.add_argument("--models", type=Path, default=ROOT / "exported", help="folder of exported models")
    common.add_argument("--python", default=sys.executable, help="interpreter that runs the service")
    common.add_argument("--out", type=Path, default=results.FOLDER, help="folder of the results")
    top = ArgumentParser(prog="python -m benchmarks", description="Measure the service beside others.")
    commands = top.add_subparsers(dest="command", required=True)
    for name, measure in PARTS.items():
        text = getdoc(measure) or ""
        command = commands.add_parser(name, parents=[common], help=text.splitlines()[0])
        for setting in _settings(measure):
            described = re.search(rf"^ *{setting.name}: (.*)$", text, re.MULTILINE)
            options = {"help": f"{described and described[1]} (default: {setting.default})", "default": setting.default}
            if setting.default is Parameter.empty:
                options = {"help": described and described[1], "required": True}
            command.add_argument(f"--{setting.name}", type=_reader(setting), **options)
    for name, text in (("page", "Write the page."), ("all", "Measure all that needs no GPU, and write the page.")):
        command = commands.add_parser(name, parents=[common], help=text)
        command.add_argument("--docs", type=Path, default=ROOT / "docs", help="folder of the page")
        command.add_argument("--full", action="store_true", help="measure three times as long")
    return top


def _settings(measure: Callable[..., Any]) -> list[Parameter]:
    return [parameter for name, parameter in signature(measure).parameters.items() if name != "subject"]


def _reader(setting: Parameter) -> Callable[[str], Any]:
    lists = isinstance(setting.default, tuple)
    return (lambda text: tuple(text.split(","))) if lists else setting.annotation


def run(part: str, subject: Subject, out: Path, /, **settings: Any) -> None:  # noqa: ANN401 (of any part)
    """Measure one part and write its results.

    Raises:
        BenchmarkError: A prerequisite is missing, or the part found failures, which are in its results too.
    """
    measure = PARTS[part]
    settings = {one.name: settings.get(one.name, one.default) for one in _settings(measure)}
    subjects = [subject] if "subject" in signature(measure).parameters else []
    figures = measure(*subjects, **settings)
    # A path says nothing about the figures, and may tell who measured them.
    results.write(out, part, {name: one for name, one in settings.items() if not isinstance(one, Path)}, figures)
    if failures := isinstance(figures, dict) and figures.get("failures"):
        raise BenchmarkError("\n".join([f"{len(failures)} failures", *failures]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a missing prerequisite is reported in one line."""
    options = vars(parser().parse_args(arguments))
    part, out = options.pop("command"), options.pop("out")
    # The interpreter is not resolved: that of a virtual environment is a link, and finds its packages by its place.
    subject = Subject(options.pop("models").resolve(), str(Path(options.pop("python")).absolute()))
    try:
        if part in PARTS:
            run(part, subject, out, **options)
            return
        for name, full in ALL.items() if part == "all" else ():
            run(name, subject, out, **(full if options["full"] else {}))
        write_page(options["docs"], results.read(out))
    except BenchmarkError as error:
        raise SystemExit(f"benchmarks: {error}") from None


if __name__ == "__main__":
    stop_on_signal()
    main()
