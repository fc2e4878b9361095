import pytest

from benchmarks import training
from benchmarks.training import TRAIN_NAME, flop_per_image, measure, random_data


def test_the_arithmetic_of_an_image() -> None:
    encoder = 784 * 512 + 512 * 512 + 512 * 12
    decoder = 6 * 512 + 2 * 512 * 512 + 512 * 784
    assert flop_per_image() == 6 * (encoder + decoder)


def test_random_data_has_every_label() -> None:
    data = random_data(72)
    assert len(data.train) == 72
    assert set(data.train.labels.tolist()) == set(range(36))


def test_every_variant_has_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FIRST", "0" * 40)
    figures = measure(rounds=1, images=256, threads=1, side=64)
    rows = {row["variant"]: row for row in figures["variants"]}
    assert [len(row["seconds"]) for row in rows.values()] == [1] * 4
    assert TRAIN_NAME in rows
    assert figures["variants"][0]["ratios"] == [1.0]
    assert min(figures["peak_flop_per_second"].values()) > 0


def test_the_first_version_trains_where_git_has_it() -> None:
    with training.first_version(threads=1) as train:
        if train is None:
            pytest.skip("git does not have it here")
        train(random_data(256), 1)


def test_where_git_has_no_history_the_first_version_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "FIRST", "0" * 40)
    with training.first_version(threads=1) as variants:
        assert variants is None
    assert "git does not have it" in capsys.readouterr().err
