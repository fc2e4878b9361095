import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from glyphvae_training.data.dataset import Dataset, Split
from glyphvae_training.errors import ExportError
from glyphvae_training.export.classifier import (
    ClassifierGraph,
    add_classifier,
    against_outliers,
    calibrated,
    check_agreement,
    folded,
    last_of,
    measured,
    with_equal_priors,
)
from glyphvae_training.export.exported import run, session
from glyphvae_training.export.repository import publish, publish_metrics
from glyphvae_training.judges.judge import Judge, classifier
from glyphvae_training.judges.judge_data import JudgeData
from glyphvae_training.judges.judge_training import CLASS_BALANCE, CLASS_PRIOR
from tests.training.examples import FACTS, LABELS, characters, draw_statistics, exported

IMAGES = 8192


@pytest.fixture(scope="module")
def data() -> Dataset:
    train, validation, test = (characters(10, seed) for seed in range(3))
    return Dataset("alphanumeric", LABELS, train, validation, test, "a" * 64, ("blobs",))


@pytest.fixture(scope="module")
def learnt(data: Dataset) -> JudgeData:
    return JudgeData(LABELS, data.train, {}, "b" * 64)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


def network(seed: int = 0) -> nn.Sequential:
    """A classifier with drawn weights, its batch normalisations at statistics that matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = classifier(len(LABELS))
        draw_statistics(layers)
    return layers.eval()


def logits_of(layers: nn.Module, split: Split) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = ClassifierGraph(layers)(torch.from_numpy(split.images))
    return logits


def test_a_published_model_gets_it_and_keeps_it(tmp_path: Path, data: Dataset, learnt: JudgeData, kept: Path) -> None:
    publish(tmp_path, FACTS.with_metrics({"kept": 1}), exported())
    others = {path: path.read_bytes() for path in tmp_path.rglob("*.onnx")}
    calls: list[tuple[int, int]] = []
    found = add_classifier(
        tmp_path, "cvae", data, learnt, kept, images=IMAGES, progress=lambda *done: calls.append(done)
    )
    assert calls[-1] == (32, 32)
    assert found["accuracy"]["value"] > 0.9  # by chance: 0.03
    assert found["accuracy_merged"]["value"] >= found["accuracy"]["value"]
    manifest = json.loads((tmp_path / "cvae.json").read_text())
    assert manifest["metrics"] == {"kept": 1, "classifier": found}
    assert all(path.read_bytes() == content for path, content in others.items())
    assert {"encoder", "decoder"} < manifest.keys()
    model = session((tmp_path / manifest["classifier"]["file"]).read_bytes())
    read = run(model, {"pixels": data.test.images})["logits"].argmax(axis=1)
    assert np.mean(read == data.test.labels) == pytest.approx(found["accuracy"]["value"], abs=1e-4)
    publish_metrics(tmp_path, "cvae", {})
    assert (tmp_path / json.loads((tmp_path / "cvae.json").read_text())["classifier"]["file"]).is_file()


def test_models_of_the_same_labels_share_one_training(
    tmp_path: Path, data: Dataset, learnt: JudgeData, kept: Path
) -> None:
    publish(tmp_path, FACTS, exported())
    files = []
    for _ in range(2):
        add_classifier(tmp_path, "cvae", data, learnt, kept, images=IMAGES)
        files.append(sorted(path.name for path in kept.iterdir()))
    assert files[0] == files[1]
    assert len(files[0]) == 1


@pytest.mark.parametrize("change", [{"sha256": "c" * 64}, {}])
def test_other_data_or_labels_are_refused(
    tmp_path: Path, data: Dataset, learnt: JudgeData, kept: Path, change: dict[str, str]
) -> None:
    publish(tmp_path, FACTS, exported())
    others = Dataset(**vars(data) | change)
    names = LABELS if change else LABELS[:10]
    with pytest.raises(ExportError, match="other data or has other labels"):
        add_classifier(tmp_path, "cvae", others, JudgeData(names, learnt.train, {}, "b" * 64), kept, images=512)
    assert "classifier" not in json.loads((tmp_path / "cvae.json").read_text())


def test_all_labels_are_equally_likely_beforehand() -> None:
    layers = network()
    common, rare = np.repeat(0, 90), np.arange(1, 36)
    train = Split(np.zeros((125, 28, 28), np.uint8), np.concatenate([common, rare]))
    judge = Judge("classifier", LABELS, layers)
    blank = Split(train.images[:1], train.labels[:1])
    shift = logits_of(layers, blank) - logits_of(with_equal_priors(judge, train), blank)
    expected = np.zeros(36)
    expected[0] = (CLASS_BALANCE + CLASS_PRIOR) * np.log(90)
    assert np.allclose(shift[0], expected, atol=1e-5)


def test_logits_are_against_that_of_no_character() -> None:
    layers = network()
    before = last_of(layers)(torch.ones(1, 512))
    against = against_outliers(layers)
    assert against is layers
    assert torch.allclose(last_of(against)(torch.ones(1, 512)), before[:, :-1] - before[:, -1:], atol=1e-5)


def test_confidence_becomes_the_share_that_is_right(data: Dataset) -> None:
    layers, images = network(), data.validation.images
    with torch.no_grad():
        last_of(layers).weight.mul_(30)
    labels = logits_of(layers, data.validation).argmax(dim=1).numpy()
    labels[::4] = (labels[::4] + 1) % 36  # and three in four are right
    split = Split(images, labels)
    weight = 1 / torch.bincount(torch.from_numpy(labels))[labels]
    right = weight[logits_of(layers, split).argmax(dim=1) == torch.from_numpy(labels)].sum() / weight.sum()
    temperature = calibrated(layers, split)
    confidence = logits_of(layers, split).softmax(dim=1).amax(dim=1)
    assert (weight @ confidence / weight.sum()).item() == pytest.approx(right.item(), abs=1e-3)
    assert temperature > 1
    assert calibrated(layers, split) == pytest.approx(1, rel=1e-3)


def test_normalisation_is_folded_in(data: Dataset) -> None:
    layers = network()
    assert not any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in folded(layers).modules())
    assert torch.allclose(logits_of(layers, data.test), logits_of(folded(layers), data.test), atol=1e-5)


def test_one_that_says_other_labels_is_refused(tmp_path: Path, data: Dataset, learnt: JudgeData, kept: Path) -> None:
    publish(tmp_path, FACTS, exported())
    add_classifier(tmp_path, "cvae", data, learnt, kept, images=IMAGES)
    facts = json.loads((tmp_path / "cvae.json").read_text())
    model = session((tmp_path / facts["classifier"]["file"]).read_bytes())
    with pytest.raises(ExportError, match=r"moves 0.* of the probability, at batch 1"):
        check_agreement(ClassifierGraph(network()).eval(), model, data.test)


class Certain:
    """Says label 0 with a confidence of 1, always."""

    def get_outputs(self) -> list[object]:
        return [type("Output", (), {"name": "logits"})]

    def run(self, _: object, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        logits = np.full((len(feed["pixels"]), 36), -99, np.float32)
        logits[:, 0] = 99
        return [logits]


def test_each_label_weighs_the_same_in_what_is_measured() -> None:
    labels = np.array([0] * 6 + [1] * 2 + [24] * 2)  # 0, 1, O
    split = Split(np.zeros((10, 28, 28), np.uint8), labels)
    found = measured(Certain(), LABELS, split)
    assert found["accuracy"]["value"] == pytest.approx(0.6)
    assert found["accuracy_merged"]["value"] == pytest.approx(0.8)
    assert found["mean_of_labels"] == pytest.approx(1 / 3, rel=1e-4)
    assert found["calibration_error"] == pytest.approx(2 / 3, rel=1e-4)
    # It is sure, so that it would be right each time if it were exact.
    assert found["calibration_floor"] == 0


def test_the_floor_of_the_calibration_error_is_that_of_chance() -> None:
    class Undecided(Certain):
        def run(self, _: object, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
            logits = np.full((len(feed["pixels"]), 36), -99, np.float32)
            logits[:, :2] = 0
            return [logits]

    found = measured(Undecided(), LABELS, Split(np.zeros((100, 28, 28), np.uint8), np.zeros(100, np.int64)))
    assert found["calibration_error"] == pytest.approx(0.5)
    # The mean distance of 100 tosses of a coin from a half.
    assert found["calibration_floor"] == pytest.approx(math.sqrt(2 / math.pi) * 0.05, rel=0.25)
