"""The work of `glyphvae evaluate`: judges, measurement, report, and publication of the metrics."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.data.named import load_named
from glyphvae_training.errors import ExportError
from glyphvae_training.evaluation.axis_names import axis_names
from glyphvae_training.evaluation.evaluate import Evaluation, evaluate_model
from glyphvae_training.evaluation.fidelity import FULL, Effort, fidelity_metrics
from glyphvae_training.evaluation.model_cards import models_page
from glyphvae_training.evaluation.report import COLUMNS, samples_grid, write_report
from glyphvae_training.export.exported import Exported, read_exported
from glyphvae_training.export.manifest import manifest_path
from glyphvae_training.export.repository import publish_metrics
from glyphvae_training.judges.judge import Judge
from glyphvae_training.judges.judge_data import load_judge_data
from glyphvae_training.judges.judge_training import stored_judge
from glyphvae_training.measures.pictures import save_grid
from glyphvae_training.progress import progress_bar

# Of `fidelity_metrics`, for the progress bar.
STAGES, STAGES_WITHOUT_LABELS = 7, 4


@dataclass(frozen=True)
class EvaluationConfig:
    """Settings of an evaluation.

    Attributes:
        model: name of the exported model.
        data: folder with the source files.
        exported: the model repository.
        out: folder of the report.
        architectures: of the judges that read the samples, keys of `ARCHITECTURES`.
        judges: folder of trained judges.
        samples: of each label.
        seed: of noise, samples and bootstrap.
        judge_images: how many images a judge is trained on; by default what its architecture needs.
        threads: of PyTorch.
        effort: put into the comparison of samples with real characters.
    """

    model: str
    data: Path
    exported: Path
    out: Path
    architectures: tuple[str, ...]
    judges: Path
    samples: int
    seed: int
    judge_images: int | None
    threads: int
    effort: Effort = FULL


def run_evaluation(config: EvaluationConfig, docs: Path | None = None) -> Evaluation:
    """Measure a model and write the report; with `docs`, publish the metrics too.

    Raises:
        ExportError: there is no such model, or the data are not those it was trained on.
        DataError: the source files are not there or damaged.
    """
    torch.set_num_threads(config.threads)
    model = read_exported(config.exported, config.model)
    data = held_out_data(model, config.data)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    judges, real = trained_judges(config, model) if model.labels else ([], {})
    with Progress(*columns, console=Console(stderr=True)) as progress:
        total = 1 + len(judges) + (STAGES if model.labels else STAGES_WITHOUT_LABELS)
        task = progress.add_task("measuring", total=total)
        evaluation = evaluate_model(
            model,
            data.test,
            judges,
            real,
            samples_per_label=config.samples,
            seed=config.seed,
            stage=lambda name, done: progress.update(task, description=f"measuring: {name}", completed=done),
        )
        progress.update(task, completed=len(judges))
        fidelity = fidelity_metrics(
            model,
            data,
            judges[-1] if judges else None,
            config.effort,
            np.random.default_rng(config.seed),
            stage=lambda name: progress.update(task, description=f"measuring: {name}", advance=1),
        )
        named = {"axes": axis_names(model, data.test)} if model.labels else {}
        if config.judge_images and judges:
            evaluation.metrics["protocol"]["judge_images"] = config.judge_images
        evaluation = replace(evaluation, metrics=evaluation.metrics | fidelity | named)
        progress.update(task, description="measured", completed=total)
    write_report(config.out, config.model, model.labels, data.test, evaluation)
    if docs is not None:
        publish_evaluation(config, evaluation, docs)
    return evaluation


def held_out_data(model: Exported, folder: Path) -> Dataset:
    """Load the data set that a model was trained on, whose test part it has not seen."""
    facts = model.manifest["data"]
    data = load_named(facts["name"], folder)
    if data.sha256 != facts["sha256"]:
        raise ExportError(
            f"the model was trained on data {facts['sha256'][:12]}, not on those in {folder} ({data.sha256[:12]}): "
            "what is held out here may have been trained on"
        )
    return data


def trained_judges(config: EvaluationConfig, model: Exported) -> tuple[list[Judge], dict[str, Split]]:
    """Load or train a judge of each architecture; returns them with the real characters to test them on."""
    data = load_judge_data(config.data, name=model.manifest["data"]["name"])
    judges = []
    for architecture in config.architectures:
        with progress_bar(f"{architecture} judge") as progress:
            judge = stored_judge(data, architecture, config.judges, images=config.judge_images, progress=progress)
        judges.append(judge)
    return judges, data.tests


def publish_evaluation(config: EvaluationConfig, evaluation: Evaluation, docs: Path) -> None:
    """Write the metrics into manifest and graphs, and model card and samples into the documentation."""
    manifest = json.loads(manifest_path(config.exported, config.model).read_text(encoding="utf-8"))
    # Others put their numbers there too: what 8-bit integers cost.
    publish_metrics(config.exported, config.model, manifest["metrics"] | evaluation.metrics)
    save_grid(docs / "images" / f"{config.model}-samples.png", samples_grid(evaluation.samples), COLUMNS)
    (docs / "models.md").write_text(models_page(config.exported), encoding="utf-8")
