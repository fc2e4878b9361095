"""The command `glyphvae quantiles`."""

import typer

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelName, ModelRepository, errors_reported


@errors_reported()
def quantiles(model: ModelName, data: DataFolder = DATA, exported: ModelRepository = EXPORTED) -> None:
    """Measure how like the model real characters are, which tells the service what is none; needs a classifier."""
    from rich.console import Console  # noqa: PLC0415 (see the package)

    from glyphvae_training.data.named import load_named  # noqa: PLC0415
    from glyphvae_training.evaluation.likeness import publish_quantiles  # noqa: PLC0415
    from glyphvae_training.export.repository import published  # noqa: PLC0415

    with Console(stderr=True).status("measuring"):
        facts, _ = published(exported, model)
        found = publish_quantiles(exported, model, load_named(facts.data["name"], data))
    own = len(found["encoded"]["labels"])
    typer.echo(f"{model} has quantiles of {own} labels, and of all others together.")
