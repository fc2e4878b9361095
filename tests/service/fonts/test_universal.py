"""The universal profile of fontbakery, in an environment of its own: `make font-test`."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.service.fonts.conftest import Fonts
from tests.service.processes import ROOT

FONTBAKERY = ROOT / ".venv-fontbakery" / "bin" / "fontbakery"
# Asks a service whether others have a font of that name.
OF_A_SERVICE = "fontdata_namecheck"


@pytest.mark.fontbakery
@pytest.mark.parametrize("kind", ["ttf", "otf"])
def test_fonts_pass_the_universal_profile(fonts: Fonts, tmp_path: Path, kind: str) -> None:
    file, report = tmp_path / f"AHand-Regular.{kind}", tmp_path / "report.json"
    file.write_bytes(fonts(kind, 7, 0.25))
    command = [
        str(FONTBAKERY),
        "check-universal",
        "--no-progress",
        "-x",
        OF_A_SERVICE,
        "--json",
        str(report),
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    counts = json.loads(report.read_text())["result"]
    assert not counts.keys() & {"FAIL", "ERROR", "FATAL"}, done.stdout
    assert counts["PASS"] > 50
