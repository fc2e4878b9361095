"""The command `glyphvae evaluate`."""

from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelName, ModelRepository, errors_reported

JudgeName = Literal["convolutional", "dense"]
JUDGES: tuple[JudgeName, ...] = get_args(JudgeName)


@errors_reported()
def evaluate(
    model: ModelName,
    data: DataFolder = DATA,
    exported: ModelRepository = EXPORTED,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the report.", show_default="runs/evaluation/<model>")
    ] = None,
    samples: Annotated[int, typer.Option(min=12, help="Fresh samples of each label.")] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Seed of noise, samples and bootstrap.")] = 0,
    judge: Annotated[
        JudgeName | None, typer.Option(help="Single judge that reads the samples.", show_default="both")
    ] = None,
    judges: Annotated[Path, typer.Option(help="Folder of trained judges.")] = Path("runs/judges"),
    judge_images: Annotated[
        int | None,
        typer.Option(
            min=512, help="Training images of a judge, repetitions counted.", show_default="what its accuracy needs"
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch, for the judges.")] = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="Do a fiftieth of the work as a smoke test; the figures mean little.")
    ] = False,
    write: Annotated[bool, typer.Option("--write", help="Write the figures into manifest, graphs and docs.")] = False,
    docs: Annotated[Path, typer.Option(help="Folder in which --write puts models.md.")] = Path("docs"),
) -> None:
    """Measure an exported model on held-out characters and fresh samples; trains missing judges first."""
    from glyphvae_training.evaluation.fidelity import FULL, QUICK  # noqa: PLC0415 (see the package)
    from glyphvae_training.evaluation.runner import EvaluationConfig, run_evaluation  # noqa: PLC0415

    folder = out or Path("runs/evaluation") / model
    config = EvaluationConfig(
        model,
        data,
        exported,
        folder,
        (judge,) if judge else JUDGES,
        judges,
        samples,
        seed,
        judge_images,
        threads,
        QUICK if quick else FULL,
    )
    run_evaluation(config, docs if write else None)
    typer.echo(f"{folder / 'report.md'} is written.")
