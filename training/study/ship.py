"""Exports the models of the study, with what was measured on each in its manifest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.dataset import Split
from training.evaluate import evaluate_model
from training.export import export_run
from training.exported import read_exported
from training.judge import Judge
from training.measure import accuracy
from training.model_cards import models_page
from training.pictures import save_sheet
from training.report import COLUMNS, samples_sheet
from training.repository import publish_metrics
from training.study.coding import REDUCTION
from training.study.latents import moments
from training.study.workshop import Workshop


def ship(workshop: Workshop, names: Sequence[str]) -> None:
    """Export trained models, measure what was exported, and write the cards of all exported models."""
    judge = workshop.judge() if any(workshop.plan(name).kind == "cvae" for name in names) else None
    for name in workshop.track(names, "exporting"):
        ship_one(workshop, name, judge)
    (workshop.docs / "models.md").write_text(models_page(workshop.exported), encoding="utf-8")


def ship_one(workshop: Workshop, name: str, judge: Judge | None) -> Path:
    """Export one model; its manifest also says what beta means, and how much of each latent is noise."""
    plan = workshop.plan(name)
    data = workshop.dataset(plan.dataset)
    export_run(workshop.run(name), data, workshop.exported, name)
    model = read_exported(workshop.exported, name)
    evaluation = evaluate_model(model, data.test, [], {}, samples_per_label=max(COLUMNS, workshop.schedule.samples))
    found = moments(*model.encode(data.test.images, data.test.labels))
    facts = {
        "mean_variance_per_unit": found.mean_variance.tolist(),
        "reduction": REDUCTION,
        "beta_norm": plan.beta_norm,
        "epochs": plan.training.epochs,
    }
    if judge is not None and model.labels:
        facts["label_accuracy"] = label_accuracy(judge, evaluation.samples)
    sheet = workshop.docs / "images" / f"{name}-samples.png"
    save_sheet(sheet, samples_sheet(evaluation.samples), COLUMNS, scale=1)
    return publish_metrics(workshop.exported, name, evaluation.metrics | facts)


def label_accuracy(judge: Judge, samples: Split) -> dict[str, Any]:
    """How often the judge reads the label that a sample was asked to show; see `training.measure.accuracy`."""
    return accuracy(judge.predict(samples.images), samples.labels, judge.labels, np.random.default_rng(0))
