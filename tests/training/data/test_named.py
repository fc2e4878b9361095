from pathlib import Path

import pytest

from glyphvae_training.data.named import load_named
from glyphvae_training.errors import DataError


@pytest.mark.parametrize(("name", "labels"), [("alphanumeric", 36), ("byclass", 62), ("mnist", 10)])
def test_a_set_has_the_name_it_is_loaded_by(name: str, labels: int, sample_folder: Path) -> None:
    data = load_named(name, sample_folder)
    assert (data.name, len(data.labels)) == (name, labels)


def test_the_set_of_the_pen(pen_folder: Path) -> None:
    assert load_named("pen", pen_folder).name == "pen"


def test_a_set_that_does_not_exist(sample_folder: Path) -> None:
    with pytest.raises(DataError, match="no data set 'letters'; there are alphanumeric, byclass, mnist, pen"):
        load_named("letters", sample_folder)
