from benchmarks.training import flop_per_image, measure, random_data


def test_the_arithmetic_of_an_image() -> None:
    encoder = 784 * 512 + 512 * 512 + 512 * 12
    decoder = 6 * 512 + 2 * 512 * 512 + 512 * 784
    assert flop_per_image() == 6 * (encoder + decoder)


def test_random_data_has_every_label() -> None:
    data = random_data(72)
    assert len(data.train) == 72
    assert set(data.train.labels.tolist()) == set(range(36))


def test_every_variant_has_its_turn() -> None:
    figures = measure(rounds=1, images=256, threads=1)
    assert [len(row["seconds"]) for row in figures["variants"]] == [1] * 4
    assert figures["variants"][0]["ratios"] == [1.0]
    assert min(figures["peak_flop_per_second"].values()) > 0
