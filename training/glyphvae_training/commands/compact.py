"""The command `glyphvae compact`."""

import typer

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelName, ModelRepository, errors_reported


@errors_reported()
def compact(model: ModelName, data: DataFolder = DATA, exported: ModelRepository = EXPORTED) -> None:
    """Store the weights of an older export in float16, as `export` does; fails if images lose too much quality."""
    from rich.console import Console  # noqa: PLC0415 (see the package)

    from glyphvae_training.data.named import load_named  # noqa: PLC0415
    from glyphvae_training.export.repository import published  # noqa: PLC0415
    from glyphvae_training.export.storage import compact_model  # noqa: PLC0415

    with Console(stderr=True).status("storing"):
        facts, _ = published(exported, model)
        lost = compact_model(exported, model, load_named(facts.data["name"], data).test)
    typer.echo(
        f"The weights of {model} are stored in float16. Compared with float32 it differs by {lost['levels']:.2g} grey "
        f"levels per pixel and {lost['nats']:.2g} nats per image."
    )
