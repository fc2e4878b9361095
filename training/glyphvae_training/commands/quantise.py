"""The command `glyphvae quantise`."""

from typing import Annotated, Literal

import typer

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelName, ModelRepository, errors_reported


@errors_reported()
def quantise(
    model: ModelName,
    data: DataFolder = DATA,
    exported: ModelRepository = EXPORTED,
    part: Annotated[
        Literal["decoder", "encoder"], typer.Option(help="Graph to quantise; the encoder in int8 only.")
    ] = "decoder",
    to: Annotated[Literal["int8", "float16"], typer.Option(help="8-bit integers for CPUs, float16 for GPUs.")] = "int8",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the latents that set the integer scales.")] = 0,
) -> None:
    """Add a decoder or encoder of lower precision to an exported model; fails if images lose too much quality."""
    if part == "encoder" and to != "int8":
        raise typer.BadParameter("encoders run on CPUs only, in int8", param_hint="--to")
    from rich.console import Console  # noqa: PLC0415 (see the package)

    from glyphvae_training.data.named import load_named  # noqa: PLC0415
    from glyphvae_training.export.quantise import quantise_encoder, quantise_model  # noqa: PLC0415
    from glyphvae_training.export.repository import published  # noqa: PLC0415

    with Console(stderr=True).status("quantising"):
        facts, _ = published(exported, model)
        loaded = load_named(facts.data["name"], data)
        if part == "encoder":
            lost = quantise_encoder(exported, model, loaded)
        else:
            lost = quantise_model(exported, model, loaded.test, to, seed)
    typer.echo(
        f"{model}-{part}-{to} is written. Compared with float32 it differs by {lost['levels']:.2f} grey levels per "
        f"pixel and {lost['nats']:.2f} nats per image."
    )
