"""docs/models.md: a card for each exported model, written from its manifest."""

import json
from pathlib import Path
from typing import Any

from glyphvae_training.evaluation.evaluate import PAIRS
from glyphvae_training.evaluation.report import metrics_report, percent, shown, table

HEAD = """\
Written by `glyphvae evaluate MODEL --write` from the manifests in `exported/`, which hold these facts.
The service's default is `pen`; `cvae-62` is what it is compared with. That one was trained in stages, the last of them
a refinement against a critic and a classifier, which have gone from the code: `glyphvae train --preset cvae-62` of
commit 35b2452. [ablation.md](ablation.md) says what each stage gave, and why they have gone.

Models with the same **series** were given the same in training but for beta. `beta=` chooses among them: `beta=10` is
the model of that beta in the series of `model=`, or without it in that of the default model, or in the largest series
if the default model's has no other beta."""

DEFINITIONS = """\
**−ELBO** is reconstruction + KL per held-out image, whatever beta the model was trained with. **Reconstruction** is
−log p(x|z) summed over the 784 pixels, Bernoulli over grey values, with one draw of z from q(z|x). **KL** is
KL(q(z|x) || N(0, I)) in closed form. **Pixel MSE** is the mean of (x − mean(x|z))² with x in 0–1 at z = mu. A unit's
**second moment** is E[mu²] + E[sigma²], which is 1 where the latents of real characters are spread as the prior is; a
unit is **active** if its mu varies by 0.01 or more. **Label accuracy** is how often a judge reads the label that a
fresh sample (temperature 1, no seed chosen by looking) was asked to show. Judges are classifiers trained on real
characters only: MNIST digits, EMNIST digits and capitals, all at MNIST's size, with random blur, stroke weight and
small affine changes; judges of a model with small letters learnt those too. MNIST was itself drawn from the NIST
forms that EMNIST was cut from, so a few of its test digits may be known to the judges in another rendering. Intervals
are 95 % bootstrap intervals. 0/O and 1/I look alike even to people and are also reported merged; of a model with
small letters, so are those that look like their capital once all are made equally large.

Samples beside real characters have the labels of the held-out ones. **Fréchet distance** (arXiv:1706.08500),
**precision** and **recall** (arXiv:1904.06991), **density** and **coverage** (arXiv:2002.09797, k = 5) are taken in
what the last layer of a judge reads. **Spread within a label** is the root mean squared distance to the label's mean,
there too. The **classification accuracy score** (arXiv:1905.10887) is the accuracy on held-out characters, those
merged, of a classifier trained on samples alone, beside that of one trained on the training set. **Grey pixels** lie
between 0.1 and 0.9; the **slope** is the gradient's length weighted with itself. The **nearest training image** is the
one of the least root mean squared difference of ink. **−log p** is the importance-weighted bound (arXiv:1509.00519); of
grey pixels it is no density and never compares with that of pixels binarised once. Draws are from the exported
encoder; those for test digits binarised once are from the posterior that the flow of `vae-binarised` was trained with,
of which its exported encoder gives only the nearest Gaussian. The **AUROC** is how often the ELBO
of a character exceeds that of noise, of shuffled pixels, or of a crop of a photograph. The **classifier** finds the
label of an image that comes without one (`glyphvae add-classifier`); it learnt from real characters, and every label is
equally likely beforehand. Its **calibration error** (arXiv:1706.04599) is how far the probability of the label it finds
is from how often that is right, in 15 bins."""


STROKES = """\
Hands were learnt from 46 fonts, which served as writers, beside the characters of NIST and MNIST, each of a writer of
its own; no classifier had a part in it. [pen.md](pen.md) says how it was trained, what was tried, and how it compares
with real writing."""


def model_card(manifest: dict[str, Any]) -> str:
    """Write one model's section of docs/models.md."""
    name = manifest["name"]
    graphs = [part for part in ("encoder", "decoder", "strokes", "classifier") if part in manifest]
    sizes = " + ".join(f"{manifest[part]['bytes'] / 1e6:.2f} MB" for part in graphs)
    config = ", ".join(f"{key} {value}" for key, value in manifest["config"].items())
    facts = table(
        ["fact", "value"],
        [
            ["version", str(manifest["version"])],
            ["labels", "".join(map(shown, manifest["labels"])) or "none"],
            ["latents", str(manifest["latent_size"])],
            ["beta", f"{manifest['beta']:g}"],
            *([["series", f"`{manifest['series']}`"]] if "series" in manifest else []),
            ["likelihood", manifest["likelihood"]],
            ["config", config],
            [" + ".join(graphs), sizes],
            *precision_rows(manifest["metrics"]),
            ["trained on", f"{', '.join(manifest['data']['sources'])} (`{manifest['data']['sha256'][:12]}`)"],
            ["exported by", f"glyphvae {manifest['code']['version']} (`{manifest['code']['sha256'][:12]}`)"],
        ],
    )
    parts = [f"## `{name}`", manifest["summary"], facts]
    if "negative_elbo" in manifest["metrics"]:
        picture = f"![Samples of {name}: a row for each label](images/{name}-samples.png)"
        parts += [picture, metrics_report(manifest["labels"], manifest["metrics"])]
        if "predecessor" in manifest["metrics"]:
            parts.append(predecessor_section(manifest["metrics"]))
    else:
        parts.append(STROKES if "strokes" in manifest else "Not evaluated yet.")
    return "\n\n".join(parts)


def predecessor_section(metrics: dict[str, Any]) -> str:
    """Set a model beside the one of the same name that it replaced, which was measured alike."""
    before = metrics["predecessor"]
    this, that = compared(metrics), compared(before)
    lines = [[name, value, that[name]] for name, value in this.items()]
    heading = f"### Beside what it replaces\n\nBefore it, this name was that of {before['summary']}."
    return f"{heading}\n\n{table(['', 'this model', 'before'], lines)}"


def compared(metrics: dict[str, Any]) -> dict[str, str]:
    """Return the metrics by which a model is set beside another one, formatted, by name."""
    return {
        "−ELBO, nats per image": f"{metrics['negative_elbo']['value']:.1f}",
        "pixel MSE at z = mu": f"{metrics['mse']['value']:.4f}",
        **{
            f"label accuracy, {judge} judge, {PAIRS} merged": percent(read["samples"]["merged"][PAIRS]["value"])
            for judge, read in metrics["judges"].items()
        },
        "Fréchet distance": f"{metrics['frechet']['value']:.2f}",
        **{name: f"{metrics[name]['value']:.3f}" for name in ("precision", "recall", "coverage")},
        "spread within a label, of real": f"{metrics['spread_within_label']['ratio']:.3f}",
    }


def precision_rows(metrics: dict[str, Any]) -> list[list[str]]:
    """List the measured cost of each lower precision."""
    names = {
        "compact": "weights in float16 cost",
        "int8": "8-bit decoder costs",
        "encoder-int8": "8-bit encoder costs",
        "float16": "float16 decoder costs",
    }
    return [
        [name, f"{metrics[key]['levels']:.2g} grey levels a pixel, {metrics[key]['nats']:.2g} nats an image"]
        for key, name in names.items()
        if key in metrics
    ]


def models_page(folder: Path) -> str:
    """Write docs/models.md: the cards of all models in a model repository, by name."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    parts = [
        "# Models",
        HEAD,
        DEFINITIONS,
        *(model_card(manifest) for manifest in manifests),
    ]
    return "\n\n".join(parts) + "\n"
