"""Exports the models of the study, with what was measured on each in its manifest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glyphvae_training.data.dataset import Split
from glyphvae_training.evaluation.evaluate import evaluate_model
from glyphvae_training.evaluation.model_cards import models_page
from glyphvae_training.evaluation.report import COLUMNS, samples_sheet
from glyphvae_training.export.export import export_run
from glyphvae_training.export.exported import read_exported
from glyphvae_training.export.repository import publish_metrics
from glyphvae_training.judges.judge import Judge
from glyphvae_training.measures.measure import accuracy
from glyphvae_training.measures.pictures import save_sheet
from glyphvae_training.study.coding import REDUCTION
from glyphvae_training.study.latents import moments
from glyphvae_training.study.workshop import Workshop


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
    """How often the judge reads the label that a sample was asked to show; see `glyphvae_training.measures.measure.accuracy`."""
    return accuracy(judge.predict(samples.images), samples.labels, judge.labels, np.random.default_rng(0))
