from pathlib import Path

from glyphvae_training.study.context import write_csv


def test_a_list_becomes_columns(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    write_csv(path, [{"beta": 1, "kl": [0.5, 0.25]}, {"beta": 2, "kl": [0.5, 0.25, 0.125]}])
    assert path.read_text(encoding="utf-8").splitlines() == ["beta,kl_1,kl_2,kl_3", "1,0.5,0.25,", "2,0.5,0.25,0.125"]
