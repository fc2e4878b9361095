"""ONNX Runtime, as training uses it, writes nothing below the home directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

(MODEL,) = (Path(__file__).parents[2] / "exported" / "cvae-decoder").glob("*/model.onnx")
SESSION = """
import sys
import onnxruntime as ort
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
"""
OURS = f"""
import numpy as np
from glyphvae_training.measures.timing import decoder_call
{SESSION}
(pixels,) = decoder_call(session, 6, 2, np.random.default_rng(0))()
assert pixels.shape == (2, 28, 28)
"""


def files_left_at_home(program: str, home: Path) -> set[str]:
    """Run a program in a process of its own and return the names of the files in its home directory afterwards."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ORT_"))}
    subprocess.run([sys.executable, "-c", program, str(MODEL)], check=True, env=kept | {"HOME": str(home)})
    return {path.name for path in home.rglob("*") if path.is_file()}


def test_a_session_writes_nothing(tmp_path: Path) -> None:
    assert files_left_at_home(OURS, tmp_path) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="it is another folder elsewhere")
def test_that_test_would_notice(tmp_path: Path) -> None:
    assert "deviceid" in files_left_at_home(SESSION, tmp_path)
