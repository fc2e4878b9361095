"""The work of `glyphvae study` and `glyphvae rank`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from glyphvae_training.data.named import load_named
from glyphvae_training.export.exported import read_exported
from glyphvae_training.fitting.trainer import Hardware
from glyphvae_training.study.beta import beta
from glyphvae_training.study.context import StudyContext
from glyphvae_training.study.epochs import epochs
from glyphvae_training.study.equations_measured import equations
from glyphvae_training.study.exports import export_models
from glyphvae_training.study.latent_size import latent_size
from glyphvae_training.study.latents import moments, ranking
from glyphvae_training.study.page import write_page
from glyphvae_training.study.plan import Schedule, plans
from glyphvae_training.study.traversal import traversal

EXPERIMENTS: dict[str, Callable[[StudyContext], object]] = {
    "equations": equations,
    "epochs": epochs,
    "latent-size": latent_size,
    "traversal": traversal,
    "beta": beta,
}


@dataclass(frozen=True)
class StudyConfig:
    """Settings of a study.

    Attributes:
        experiment: a key of `EXPERIMENTS`, or "all".
        data: folder with the source files.
        out: folder of runs.
        docs: folder of paper.md.
        exported: the model repository.
        judges: folder of trained judges.
        schedule: how much is trained and measured.
        export: also export the models.
        accelerator: Lightning's.
        precision: Lightning's.
        threads: PyTorch's.
    """

    experiment: str
    data: Path
    out: Path
    docs: Path
    exported: Path
    judges: Path
    schedule: Schedule
    export: bool
    accelerator: str
    precision: str
    threads: int


def run_study(config: StudyConfig) -> Path:
    """Run the chosen experiments and write the page of all finished ones; returns its path.

    Raises:
        DataError: the source files are not there or damaged.
        RunError: the folder holds models of another study.
    """
    hardware = Hardware(accelerator=config.accelerator, precision=config.precision, threads=config.threads)
    context = StudyContext(
        config.data,
        config.out,
        config.docs,
        config.judges,
        config.exported,
        config.schedule,
        hardware,
        Console(stderr=True),
    )
    chosen = list(EXPERIMENTS) if config.experiment == "all" else [config.experiment]
    for name in chosen:
        EXPERIMENTS[name](context)
    if config.export:
        needed = [plan.name for plan in plans(context.schedule) if set(plan.experiments) & set(chosen)]
        export_models(context, needed)
    return write_page(config.docs)


def print_ranking(name: str, data: Path, exported: Path) -> None:
    """Print the latents of an exported model, the most informative first.

    Raises:
        ExportError: there is no such model.
        DataError: the source files are not there or damaged.
    """
    model = read_exported(exported, name)
    characters = load_named(model.manifest["data"]["name"], data).test
    found = moments(*model.encode(characters.images, characters.labels))
    table = Table("latent", "variance of mu", "mean sigma²", "second moment", "active")
    for unit in ranking(found):
        numbers = (found.mu_variance[unit], found.mean_variance[unit], found.second_moment[unit])
        active = "yes" if found.active[unit] else "no"
        table.add_row(f"x{unit + 1}", *(f"{value:.4f}" for value in numbers), active)
    Console().print(table)
