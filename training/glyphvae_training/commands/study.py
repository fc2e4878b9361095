"""The command `glyphvae study`."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from glyphvae_training.commands.options import DATA, DataFolder, errors_reported

Chosen = Literal["equations", "epochs", "latent-size", "traversal", "beta", "all"]


@errors_reported()
def study(
    experiment: Annotated[
        Chosen, typer.Argument(help="Equations with figure 1, figure 2, 3, 4, 5 with 6, or all of them.")
    ],
    data: DataFolder = DATA,
    out: Annotated[
        Path | None, typer.Option(help="Folder of runs.", show_default="runs/study, or runs/study-quick")
    ] = None,
    docs: Annotated[
        Path | None, typer.Option(help="Folder of paper.md.", show_default="docs, or with --quick <out>/docs")
    ] = None,
    exported: Annotated[
        Path | None,
        typer.Option(help="Folder of exported models.", show_default="exported, or with --quick <out>/exported"),
    ] = None,
    judges: Annotated[
        Path | None,
        typer.Option(help="Folder of trained judges.", show_default="runs/judges, or with --quick <out>/judges"),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run a small study of minutes, for the sample in tests/data.")
    ] = False,
    export: Annotated[bool, typer.Option("--export", help="Export the models and measure what was exported.")] = False,
    accelerator: Annotated[str, typer.Option(help="Accelerator of Lightning: auto, cpu or gpu.")] = "auto",
    precision: Annotated[str, typer.Option(help="Precision of Lightning: 32-true, or bf16-mixed.")] = "32-true",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads of PyTorch.", show_default="all cores")
    ] = None,
) -> None:
    """Reproduce the paper's experiments; resumes an interrupted study and reuses trained models."""
    from glyphvae_training.study.plan import FULL, QUICK  # noqa: PLC0415 (see the package)
    from glyphvae_training.study.runner import StudyConfig, run_study  # noqa: PLC0415

    results = out or Path("runs", "study-quick" if quick else "study")
    config = StudyConfig(
        experiment,
        data,
        results,
        docs or (results / "docs" if quick else Path("docs")),
        exported or (results / "exported" if quick else Path("exported")),
        judges or (results if quick else Path("runs")) / "judges",
        QUICK if quick else FULL,
        export,
        accelerator,
        precision,
        threads or os.cpu_count() or 1,
    )
    typer.echo(f"{run_study(config)} is written.")
