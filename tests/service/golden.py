"""Golden values of the default model, and what documents show of it: `python -m tests.service.golden` writes them anew.

They belong to the weights in exported/: whoever replaces the default model runs this once.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx

from tests.docs.sheets import IMAGES, write_sheets
from tests.docs.test_readme import ADDRESS, commands
from tests.service.processes import running
from tests.service.support import JSON, NPY

FILE = Path(__file__).with_name("golden.json")
ROOT = Path(__file__).parents[2]
LETTERS = "Rae"
TEXT = "Dear Zoë,\nthe café opens at 7 o’clock. Don’t be late!"


def drawn(client: httpx.Client) -> dict[str, Any]:
    """Draw a J, set a text and find a hand by the default model of a service, each from a seed."""
    glyph = client.post("/generate?label=J&seed=11", headers=JSON).raise_for_status().json()
    text = client.post("/render-text", json={"text": TEXT, "seed": 11}, headers=JSON).raise_for_status().json()
    (sample,) = glyph["samples"]
    places = [[placed["label"], placed["x"], placed["y"]] for placed in text["glyphs"]]
    letters = {"label": [*LETTERS]}
    written = client.post("/generate", params=letters | {"seed": 7}, headers=NPY).raise_for_status().content
    hand = client.post("/hand", params=letters | {"preprocess": "none"}, content=written).raise_for_status().json()
    return {
        "model": glyph["model"],
        "z": sample["z"],
        "pixels": sample["pixels"],
        "glyphs": places,
        "hand": hand["mu"],
    }


# Where a hand of the default model stands as an example, and how such a string is found there.
EXAMPLES = ("docs/hands.md", "docs/openapi.json", "service/glyphvae/operations/hand.py")
HAND = re.compile(r'(hand=|"hand": ")[\w-]{28}\b')


def replace_hands(client: httpx.Client) -> None:
    """Put a hand of the default model in the place of the examples, which are those of another once it is replaced."""
    glyph = client.post("/generate?label=J&seed=11").raise_for_status().content
    hand = client.post("/hand?label=J", content=glyph).raise_for_status().json()["hand"]
    for name in EXAMPLES:
        path = ROOT / name
        path.write_text(HAND.sub(rf"\g<1>{hand}", path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"{path} is written.")


def readme_pictures() -> dict[str, str]:
    """Return the README's commands that make its pictures, by the names of the files."""
    found: dict[str, str] = {}
    for command in commands():
        for name in re.findall(r"-o (\S+\.png)", command):
            if (IMAGES / name).exists():
                found.setdefault(name, command)
    return found


def main() -> None:
    """Write the values and the pictures."""
    with running("--device", "cpu") as server, server.client() as client:
        values = drawn(client)
        FILE.write_text(json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
        replace_hands(client)
        for name, command in readme_pictures().items():
            call = command.replace("curl ", "curl --fail --silent --show-error ").replace(ADDRESS, server.url)
            subprocess.run(["bash", "-c", call], cwd=IMAGES, check=True)
            print(f"{IMAGES / name} is written.")
        write_sheets(client)
    print(f"{FILE} is written.")


if __name__ == "__main__":
    main()
