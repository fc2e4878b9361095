import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from glyphvae_training.data.outliers import draw_outliers
from glyphvae_training.judges.foreign_letters import draw_letters
from glyphvae_training.judges.judge import ARCHITECTURES, to_input
from glyphvae_training.judges.judge_data import JudgeData
from glyphvae_training.judges.judge_training import (
    judge_key,
    sampling_weights,
    shift_prior,
    stored_judge,
    train_judge,
    weights_with,
)
from tests.training.data.tiny_font import LEGS, font_bytes
from tests.training.examples import LABELS, characters

IMAGES = 4096


@pytest.fixture
def data() -> JudgeData:
    return JudgeData(LABELS, characters(10), {"blobs": characters(5, seed=1)}, "a" * 64)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_judge_learns_to_read(data: JudgeData, architecture: str) -> None:
    test = data.tests["blobs"]
    judge = train_judge(
        data.train,
        LABELS,
        architecture,
        images=2 * IMAGES if architecture in {"convolutional", "classifier"} else IMAGES,
    )
    assert judge.architecture == architecture
    assert (judge.predict(test.images) == test.labels).mean() > 0.5  # by chance: 0.03


def test_progress_is_told_batch_by_batch(data: JudgeData) -> None:
    calls: list[tuple[int, int]] = []
    train_judge(data.train, LABELS, "dense", images=1024, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_seed_decides_and_the_state_of_torch_does_not(data: JudgeData) -> None:
    weights = []
    for seed in (1, 1, 2):
        torch.rand(3)
        before = torch.random.get_rng_state()
        judge = train_judge(data.train, LABELS, "convolutional", images=512, seed=seed)
        assert torch.equal(torch.random.get_rng_state(), before)
        weights.append(next(judge.network.parameters()))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_classes_are_drawn_more_evenly_than_they_come() -> None:
    labels = torch.tensor([0] * 100 + [1])
    weights = sampling_weights(labels)
    shares = torch.bincount(labels, weights) / weights.sum()
    assert shares[1].item() == pytest.approx(1 / (1 + 100**0.65))
    assert 1 / 101 < shares[1].item() < 1 / 2


def test_outliers_are_a_share_of_what_is_drawn() -> None:
    weights = torch.tensor([1.0, 2.0], dtype=torch.float64)
    both = weights_with(weights, 4, 0.25)
    assert torch.equal(both[:2], weights)
    assert both[2:].tolist() == pytest.approx([0.25] * 4)


def test_products_in_less_precision_learn_alike(data: JudgeData) -> None:
    exact, coarse = (
        train_judge(data.train, LABELS, "dense", images=512, precision=precision).network
        for precision in ("32-true", "bf16-mixed")
    )
    differences = [(a - b).abs().max() for a, b in zip(exact.parameters(), coarse.parameters(), strict=True)]
    assert 0 < max(differences) < 0.1


def test_a_classifier_tells_outliers_from_characters(data: JudgeData) -> None:
    fonts = {"caveat-cyrillic": font_bytes({"Ж": (700, LEGS)})}
    judge = train_judge(data.train, LABELS, "classifier", foreign_fonts=fonts, images=2 * IMAGES)
    real = judge.predict(data.tests["blobs"].images) == len(LABELS)
    for outliers in (
        draw_outliers(data.train, 100, np.random.default_rng(7)),
        draw_letters(fonts, data.train, np.random.default_rng(7), each=100),
    ):
        assert (judge.predict(outliers) == len(LABELS)).mean() > real.mean() + 0.5


def test_foreign_letters_have_a_share_of_their_own(data: JudgeData) -> None:
    fonts = {"caveat-cyrillic": font_bytes({"Ж": (700, LEGS)})}
    letters = draw_letters(fonts, data.train, np.random.default_rng(7), each=100)

    def evidence(foreign_fonts: dict[str, bytes]) -> float:
        judge = train_judge(data.train, LABELS, "classifier", foreign_fonts=foreign_fonts, images=2048)
        with torch.inference_mode():
            return float(judge.network(to_input(torch.from_numpy(letters))).log_softmax(1)[:, -1].mean())

    assert evidence(fonts) > evidence({})


def test_the_prior_moves_doubtful_cases_to_the_common_class() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 3))
    before = network(torch.zeros(1, 1))
    shift_prior(network, torch.tensor([0] * 100 + [1] * 10))  # and none of class 2
    shift = network(torch.zeros(1, 1)) - before
    assert shift.tolist()[0] == pytest.approx([0.1 * math.log(100), 0.1 * math.log(10), 0], abs=1e-6)


def test_a_judge_is_trained_once(data: JudgeData, tmp_path: Path) -> None:
    folder = tmp_path / "judges"
    trained = stored_judge(data, "dense", folder, images=512)
    assert [path.name for path in folder.iterdir()] == [f"dense-{judge_key(data, 'dense', 512, 0)}.pt"]

    def refuse(_done: int, _total: int) -> None:
        raise AssertionError("it was trained again")

    again = stored_judge(data, "dense", folder, images=512, progress=refuse)
    images = data.tests["blobs"].images
    assert again.architecture == "dense"
    assert (again.predict(images) == trained.predict(images)).all()


def test_a_classifier_is_read_again_with_its_class_of_outliers(data: JudgeData, tmp_path: Path) -> None:
    trained = stored_judge(data, "classifier", tmp_path, images=512)
    again = stored_judge(data, "classifier", tmp_path, images=512)
    images = data.tests["blobs"].images
    assert (again.predict(images) == trained.predict(images)).all()


def test_what_decides_a_judges_weights_decides_its_name(data: JudgeData) -> None:
    keys = {
        judge_key(data, "dense", None, 0),
        judge_key(data, "dense", 512, 0),
        judge_key(data, "dense", None, 1),
        judge_key(data, "convolutional", None, 0),
        judge_key(replace(data, sha256="b" * 64), "dense", None, 0),
    }
    assert len(keys) == 5
    others = replace(data, foreign_fonts={"caveat-cyrillic": b"font"})
    assert judge_key(others, "dense", None, 0) in keys
    assert judge_key(others, "classifier", None, 0) != judge_key(data, "classifier", None, 0)
    assert judge_key(data, "dense", ARCHITECTURES["dense"].images, 0) in keys


def test_a_judge_of_less_precision_is_another(data: JudgeData) -> None:
    assert judge_key(data, "dense", None, 0, "bf16-mixed") != judge_key(data, "dense", None, 0)
