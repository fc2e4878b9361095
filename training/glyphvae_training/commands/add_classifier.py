"""The command `glyphvae add-classifier`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelName, ModelRepository, errors_reported


@errors_reported()
def add_classifier(
    model: ModelName,
    data: DataFolder = DATA,
    exported: ModelRepository = EXPORTED,
    kept: Annotated[Path, typer.Option(help="Folder of trained classifiers.")] = Path("runs/judges"),
    images: Annotated[
        int | None,
        typer.Option(min=512, help="Training images, repetitions counted.", show_default="what its accuracy needs"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    precision: Annotated[
        Literal["32-true", "bf16-mixed"], typer.Option(help="bf16-mixed is faster where the CPU has bfloat16.")
    ] = "32-true",
    threads: Annotated[int, typer.Option(min=1, help="Threads of PyTorch.")] = 1,
) -> None:
    """Train a label classifier and add it to an exported conditional model, which then infers missing labels by it."""
    import torch  # noqa: PLC0415 (see the package)

    from glyphvae_training.data.named import load_named  # noqa: PLC0415
    from glyphvae_training.export.classifier import add_classifier as add  # noqa: PLC0415
    from glyphvae_training.export.repository import published  # noqa: PLC0415
    from glyphvae_training.judges.judge_data import load_classifier_data  # noqa: PLC0415
    from glyphvae_training.progress import progress_bar  # noqa: PLC0415

    torch.set_num_threads(threads)
    facts, _ = published(exported, model)
    loaded = load_named(facts.data["name"], data)
    characters = load_classifier_data(data, loaded.name)
    with progress_bar("training") as progress:
        found = add(
            exported, model, loaded, characters, kept, images=images, seed=seed, precision=precision, progress=progress
        )
    typer.echo(
        f"{model}-classifier is written. Its accuracy on held-out characters is {found['accuracy']['value']:.1%}, "
        f"or {found['accuracy_merged']['value']:.1%} with look-alikes counted as one."
    )
