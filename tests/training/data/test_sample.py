import os
from pathlib import Path

import numpy as np
import pytest

from glyphvae_training.data import sources
from glyphvae_training.data.dataset import Dataset, load_alphanumeric
from glyphvae_training.data.sample import write_sample


def test_the_sample_is_small(sample_folder: Path) -> None:
    files = [path for path in sample_folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000


def test_sampling_a_sample_changes_nothing(tmp_path: Path, sample_folder: Path) -> None:
    write_sample(sample_folder, tmp_path)
    for part in ("train", "test"):
        again, shipped = sources.read_mnist(tmp_path, part), sources.read_mnist(sample_folder, part)
        np.testing.assert_array_equal(again.images, shipped.images)
        np.testing.assert_array_equal(again.labels, shipped.labels)
    np.testing.assert_array_equal(sources.read_emnist(tmp_path).images, sources.read_emnist(sample_folder).images)
    again_letters, letters = sources.read_letters(tmp_path), sources.read_letters(sample_folder)
    assert again_letters.name == letters.name == "A-Z CSV"
    np.testing.assert_array_equal(again_letters.images, letters.images)


@pytest.mark.full_data
@pytest.mark.skipif("GLYPHVAE_TEST_DATA" not in os.environ, reason="GLYPHVAE_TEST_DATA does not name the full data")
def test_no_held_out_letter_is_in_the_sample(sample: Dataset, cache: Path) -> None:
    full = load_alphanumeric(Path(os.environ["GLYPHVAE_TEST_DATA"]), cache)
    held_out = {image.tobytes() for part in (full.validation, full.test) for image in part.images[part.labels >= 10]}
    letters = [image for part in (sample.train, sample.validation, sample.test) for image in part.images]
    assert not any(image.tobytes() in held_out for image in letters)
