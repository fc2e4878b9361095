"""SECURITY.md names what exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    tests = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"`(?:tests/fuzz/)?(test_[a-z_]+)(\.py)?`", TEXT)
    assert len(named) > 10
    for name, is_file in named:
        assert f"{name}.py" in tests if is_file else any(f"def {name}(" in text for text in tests.values()), name


def test_every_setting_and_module_that_is_named_exists() -> None:
    settings = (ROOT / "service" / "glyphvae" / "settings.py").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:max|receive|request|rate|admin|keys)_?[a-z_]*)(?:_\*)?`", TEXT):
        assert re.search(rf"^    {name}", settings, re.MULTILINE), name
    for module in re.findall(r"`(service/[a-z_/]+\.py)`", TEXT):
        assert (ROOT / module).exists(), module
