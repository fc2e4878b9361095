"""The context that the experiments share: data, models, and the places of results."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track

from glyphvae_training.data.dataset import Dataset
from glyphvae_training.data.named import load_named
from glyphvae_training.evaluation.coder import Trained
from glyphvae_training.fitting.runs import Run
from glyphvae_training.fitting.trainer import Hardware
from glyphvae_training.judges.judge import Judge
from glyphvae_training.judges.judge_data import load_judge_data
from glyphvae_training.judges.judge_training import stored_judge
from glyphvae_training.progress import progress_bar
from glyphvae_training.study.figures import save
from glyphvae_training.study.plan import Plan, Schedule, plans
from glyphvae_training.study.record import seconds_trained
from glyphvae_training.study.train import trained

Json = dict[str, Any]
JUDGE = "dense"
# Folder of the numbers that the page is written from, beside the page.
RESULTS = "paper"
Item = TypeVar("Item")


@dataclass(frozen=True)
class StudyContext:
    """Folders, schedule and hardware of a study, with access to its data sets and models.

    Attributes:
        data: folder with the source files.
        out: folder of runs.
        docs: folder of paper.md, its pictures and numbers.
        judges: folder of trained judges.
        exported: the model repository.
        schedule: how much is trained and looked at.
        hardware: where it is trained.
        console: for messages to the user.
    """

    data: Path
    out: Path
    docs: Path
    judges: Path
    exported: Path
    schedule: Schedule
    hardware: Hardware
    console: Console

    def plan(self, name: str) -> Plan:
        """Return the planned model of this name."""
        return next(plan for plan in plans(self.schedule) if plan.name == name)

    def dataset(self, name: str) -> Dataset:
        """Load the data set of this name; assembled only the first time."""
        return load_named(name, self.data)

    def folder(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.out / "runs" / name

    def run(self, name: str) -> Run:
        """Return the trained model; trains it where that is not done yet."""
        plan = self.plan(name)
        self.console.rule(f"{name}: {plan.training.epochs} epochs")
        data = self.dataset(plan.dataset)
        return trained(plan, data, self.folder(name), self.hardware, self.schedule.points)

    def model(self, name: str) -> Trained:
        """Return the trained model as a coder."""
        return Trained(self.run(name))

    def facts(self, name: str) -> Json:
        """Collect how a finished model was trained, for the record."""
        plan = self.plan(name)
        wall, processor = seconds_trained(self.folder(name))
        return {
            "model": name,
            "beta": plan.training.beta,
            "beta_norm": plan.beta_norm,
            "latent_size": plan.model["latent_size"],
            "encoder": plan.model["encoder"],
            "decoder": plan.model["decoder"],
            "epochs": plan.training.epochs,
            "batch_size": plan.training.batch_size,
            "precision": self.hardware.precision,
            "wall_seconds": round(wall, 1),
            "processor_seconds": round(processor, 1),
        }

    def judge(self) -> Judge:
        """Return a classifier of real characters; trains it where that is not done yet."""
        data = load_judge_data(self.data)
        torch.set_num_threads(self.hardware.threads)
        with progress_bar(f"{JUDGE} judge") as progress:
            return stored_judge(data, JUDGE, self.judges, images=self.schedule.judge_images, progress=progress)

    def track(self, items: Sequence[Item], description: str) -> Iterable[Item]:
        """Iterate over the items under a progress bar."""
        return track(items, description, console=self.console)

    def figure(self, name: str, figure: Figure) -> None:
        """Save a figure as PNG and SVG."""
        save(figure, self.pictures / name)

    @property
    def pictures(self) -> Path:
        """The folder of pictures."""
        return self.docs / "images" / "paper"

    def record(self, name: str, result: Mapping[str, Any], tables: Mapping[str, Sequence[Json]]) -> None:
        """Write an experiment's numbers beside the page: all of them to one JSON file, and each table to CSV."""
        folder = self.docs / RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**result, **tables}, ensure_ascii=False, indent=2)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        for table, rows in tables.items():
            write_csv(folder / f"{name}-{table}.csv", rows)


def write_csv(path: Path, rows: Sequence[Json]) -> None:
    """Write a table; a list becomes a numbered column for each item, and missing values stay empty."""
    flat = [dict(flattened(row)) for row in rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(dict.fromkeys(name for row in flat for name in row)))
        writer.writeheader()
        writer.writerows(flat)


def flattened(row: Json) -> Iterable[tuple[str, object]]:
    """Yield the cells of a row."""
    for name, value in row.items():
        if isinstance(value, list):
            yield from ((f"{name}_{number}", item) for number, item in enumerate(value, start=1))
        else:
            yield name, value
