"""Predictions of theory for models that differ in beta alone, as statements that hold or do not.

With rate R = E[KL(q(z|x) || N(0, I))] and distortion D = E[-log p(x|z)], training minimises D + beta·R. If each model
is the minimum of its own objective, none of the others has less of it, and for neighbours b1 < b2

    D1 + b1·R1 <= D2 + b1·R2    and    D2 + b2·R2 <= D1 + b2·R1,

so that R falls, D rises, and the slope (D2 - D1) / (R1 - R2) lies in [b1, b2] (Alemi et al., "Fixing a Broken ELBO",
arXiv:1711.00464, section 2). A statement about a model that training has not brought to its minimum may fail, and is
reported as failed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Json = dict[str, Any]

# Of second moments and slopes.
TOLERANCE = 0.05
# Below this many nats the difference of two rates or objectives is within the noise of the estimate.
LEAST_DIFFERENCE = 0.1
# Models whose latents are all inactive differ by the noise of training alone: absolute below 1, relative above.
EQUAL = 1e-3
COLLAPSED = 1024.0
COLLAPSED_KL = 0.01
COLLAPSED_VARIANCE = (0.97, 1.03)
# Root mean square, with ink from 0 to 1; real characters are 0.2 to 0.3 from the mean of their label.
NEAR_MEAN = 0.06


@dataclass(frozen=True)
class Check:
    """Statement, the value found, and whether it holds.

    Attributes:
        betas: of the models that it is about.
        statement: what theory demands.
        found: what was measured.
        holds: whether that is so.
    """

    betas: tuple[float, ...]
    statement: str
    found: str
    holds: bool

    @property
    def verdict(self) -> Json:
        """The statement, what was found, and whether it holds, for the record."""
        return {"statement": self.statement, "found": self.found, "holds": self.holds}


def checks(rows: Sequence[Json]) -> list[Check]:
    """Return every statement about the rows, which are in order of beta.

    Args:
        rows: results of `glyphvae_training.study.coding.coding`, with `beta` and `distance_to_mean`; the largest
            beta is 1024.
    """
    return [*objectives(rows), *second_moments(rows), *monotone(rows), *slopes(rows), *collapse(rows)]


def not_converged(found: Sequence[Check]) -> list[float]:
    """Return the betas whose models are not at the minimum of their objective, in order.

    There no other model is better, and the second moment of every latent is 1.
    """
    return sorted({beta for check in found if len(check.betas) == 1 and not check.holds for beta in check.betas})


def objectives(rows: Sequence[Json]) -> Iterator[Check]:
    """Yield the checks that no other model is better on the objective of a model."""
    for row in rows:
        beta = row["beta"]
        values = {other["beta"]: other["distortion"] + beta * other["rate"] for other in rows}
        best = min(values, key=lambda other: values[other])
        yield Check(
            (beta,),
            f"β = {beta:g}: no other model has less D + {beta:g}·R",
            f"{values[beta]:.1f}; least, of β = {best:g}: {values[best]:.1f}",
            values[beta] - values[best] < LEAST_DIFFERENCE,
        )


def second_moments(rows: Sequence[Json]) -> Iterator[Check]:
    """Yield the checks of E[mu²] + E[sigma²] of every latent."""
    for row in rows:
        low, high = min(row["second_moment_per_unit"]), max(row["second_moment_per_unit"])
        yield Check(
            (row["beta"],),
            f"β = {row['beta']:g}: E[mu²] + E[sigma²] of every latent is 1 ± {TOLERANCE:.0%}",
            f"{low:.3f} to {high:.3f}",
            low >= 1 - TOLERANCE and high <= 1 + TOLERANCE,
        )


def monotone(rows: Sequence[Json]) -> Iterator[Check]:
    """Yield the checks that rate and mu's variance fall with beta, and that distortion and mean sigma² rise."""
    betas = tuple(row["beta"] for row in rows)
    for name, key, sign in (
        ("rate falls", "rate", -1),
        ("distortion rises", "distortion", 1),
        ("variance of mu, mean of the latents, falls", "mu_variance_per_unit", -1),
        ("mean sigma², mean of the latents, rises", "mean_variance_per_unit", 1),
    ):
        values = [float(np.mean(row[key])) for row in rows]
        found = ", ".join(f"{value:.4g}" for value in values)
        yield Check(
            betas,
            f"{name} with β",
            found,
            all(sign * (after - before) > -EQUAL * max(1, abs(before)) for before, after in pairwise(values)),
        )


def slopes(rows: Sequence[Json]) -> Iterator[Check]:
    """Yield the checks that the slope between neighbouring betas lies between them, where both use their latents."""
    for one, two in pairwise(rows):
        less_rate = one["rate"] - two["rate"]
        if max(one["rate"], two["rate"]) < LEAST_DIFFERENCE:
            continue
        slope = (two["distortion"] - one["distortion"]) / less_rate if abs(less_rate) >= LEAST_DIFFERENCE else np.nan
        low, high = (1 - TOLERANCE) * one["beta"], (1 + TOLERANCE) * two["beta"]
        yield Check(
            (one["beta"], two["beta"]),
            f"β from {one['beta']:g} to {two['beta']:g}: the slope (D₂ − D₁) / (R₁ − R₂) lies between them, "
            f"± {TOLERANCE:.0%}",
            f"{slope:.4g}",
            bool(low <= slope <= high),
        )


def collapse(rows: Sequence[Json]) -> Iterator[Check]:
    """Yield the checks that the latents carry no information at the largest beta."""
    row = next(row for row in rows if row["beta"] == COLLAPSED)
    low, high = COLLAPSED_VARIANCE
    smallest, largest = min(row["mean_variance_per_unit"]), max(row["mean_variance_per_unit"])
    at, only = f"β = {COLLAPSED:g}:", (COLLAPSED,)
    yield Check(only, f"{at} no unit is active", str(row["active_units"]), row["active_units"] == 0)
    worst = max(row["kl_per_unit"])
    yield Check(only, f"{at} KL of every latent is below {COLLAPSED_KL} nats", f"{worst:.2g}", worst < COLLAPSED_KL)
    yield Check(
        only,
        f"{at} mean sigma² of every latent is in {low} to {high}",
        f"{smallest:.4f} to {largest:.4f}",
        low <= smallest and largest <= high,
    )
    yield Check(
        only,
        f"{at} samples are within {NEAR_MEAN} of the mean image of their label, root mean square",
        f"{row['distance_to_mean']:.3f}",
        row["distance_to_mean"] < NEAR_MEAN,
    )
