"""The command that measures models against the bars of docs/pen.md.

python -m glyphvae_training.commands.bars pen cvae-62 --data DATA
"""

import json
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
import typer
from rich.console import Console
from rich.status import Status

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelRepository, errors_reported
from glyphvae_training.errors import TrainingError
from glyphvae_training.evaluation.bars import FULL, QUICK, check_labels, measure, prepare, protocol
from glyphvae_training.evaluation.bars_report import MODELS, bars_report
from glyphvae_training.evaluation.beside import COUNT, beside
from glyphvae_training.evaluation.evaluate import draw_samples
from glyphvae_training.evaluation.writing import capped
from glyphvae_training.export.exported import read_exported
from glyphvae_training.measures.pictures import save_grid


@errors_reported()
def main(
    models: Annotated[list[str], typer.Argument(help="Names of exported models, which stand side by side.")],
    *,
    data: DataFolder = DATA,
    exported: ModelRepository = EXPORTED,
    part: Annotated[
        Literal["validation", "test"], typer.Option(help="Characters and fonts that are measured against.")
    ] = "validation",
    open_test: Annotated[
        bool, typer.Option("--open-test", help="Open the sealed test part, which is for the final table alone.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of bars.json, bars.md and beside.png.")] = Path("runs/bars"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples, draws and intervals.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do a fiftieth of the work as a smoke test; the figures mean little.")
    ] = False,
) -> None:
    """Measure exported models against held-out characters and fonts, and write the bars and a sheet of samples."""
    if (part == "test") != open_test:
        raise TrainingError(
            "the test part is sealed: --part test and --open-test open it together, for the final table"
        )
    torch.set_num_threads(threads)
    effort = QUICK if quick else FULL
    read = {name: read_exported(exported, name) for name in models}
    for model in read.values():
        check_labels(model)
    with Console(stderr=True).status("loading") as status:
        material, characters = prepare(data, part, effort, seed, status.update)
        figures = {
            name: measure(model, material, effort, seed, partial(shown, status, name)) for name, model in read.items()
        }
    facts = protocol(part, effort, seed, characters, material.fonts)
    versions = {
        name: {key: model.manifest[key] for key in ("version", "code", "decoder")} for name, model in read.items()
    }
    measured = {"protocol": facts | {MODELS: versions}, MODELS: figures}
    rng = np.random.default_rng(seed)
    few = capped(material.real, COUNT, rng)
    samples = [draw_samples(model, COUNT, rng) for model in read.values()]
    cells, columns = beside(few, samples)
    save_grid(out / "beside.png", cells, columns, scale=1)
    text = json.dumps(measured, ensure_ascii=False, indent=1, allow_nan=False)
    (out / "bars.json").write_text(text + "\n", encoding="utf-8")
    (out / "bars.md").write_text(bars_report(measured), encoding="utf-8")
    typer.echo(f"{out / 'bars.md'} is written.")


def shown(status: Status, model: str, stage: str) -> None:
    """Show which measurement of which model is next."""
    status.update(f"{model}: {stage}")


if __name__ == "__main__":
    typer.run(main)
