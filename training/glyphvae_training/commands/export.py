"""The command `glyphvae export`."""

from pathlib import Path
from typing import Annotated

import typer

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelRepository, errors_reported


@errors_reported()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    to: ModelRepository = EXPORTED,
    name: Annotated[str | None, typer.Option(help="Name of the model.", show_default="the run folder's")] = None,
    version: Annotated[int, typer.Option(min=1, help="Version of the export.")] = 1,
    replaces: Annotated[list[str] | None, typer.Option(help="Name of a model whose place it takes.")] = None,
    data: DataFolder = DATA,
) -> None:
    """Export a run to ONNX; fails unless ONNX Runtime and PyTorch agree on a thousand real images."""
    from rich.console import Console  # noqa: PLC0415 (see the package)

    from glyphvae_training.data.named import load_named  # noqa: PLC0415
    from glyphvae_training.export.export import dataset_name, export_run  # noqa: PLC0415
    from glyphvae_training.fitting.runs import load_run  # noqa: PLC0415

    trained = load_run(run)
    with Console(stderr=True).status("exporting"):
        loaded = load_named(dataset_name(trained), data)
        manifest = export_run(trained, loaded, to, name or run.resolve().name, version, replaces=replaces or ())
    typer.echo(f"{manifest} and its two graphs are written; `glyphvae evaluate {manifest.stem}` measures them.")
