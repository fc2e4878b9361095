import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from glyphvae_training.data.split import digests, split_by_digest


def images(seed: int, count: int, values: int = 256) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, values, (count, 2, 2), dtype=np.uint8)


@given(seed=st.integers(0, 99), count=st.integers(1, 200), values=st.integers(1, 4))
def test_every_image_is_in_one_part_and_copies_are_together(seed: int, count: int, values: int) -> None:
    x = images(seed, count, values)
    labels = np.arange(count) % 3
    parts = split_by_digest(x, labels, [0.1, 0.2])
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    seen = [{(int(labels[i]), x[i].tobytes()) for i in part} for part in parts]
    assert len(set().union(*seen)) == sum(map(len, seen))


def test_each_class_has_the_shares() -> None:
    labels = np.repeat([4, 7], [1000, 50])
    test, validation, train = split_by_digest(images(0, 1050), labels, [0.1, 0.2])
    assert [np.bincount(labels[part])[[4, 7]].tolist() for part in (test, validation, train)] == [
        [100, 5],
        [200, 10],
        [700, 35],
    ]


def test_the_order_of_the_file_does_not_matter() -> None:
    x, labels = images(1, 300), np.arange(300) % 5
    turned = split_by_digest(x[::-1], labels[::-1], [0.1])
    for part, other in zip(split_by_digest(x, labels, [0.1]), turned, strict=True):
        assert part.tolist() == sorted(299 - other)


def test_the_digest_is_the_head_of_sha256() -> None:
    # sha256 of four zero bytes begins df3f619804a92fdb.
    assert digests(np.zeros((1, 2, 2), np.uint8)).tolist() == [0xDF3F619804A92FDB]
