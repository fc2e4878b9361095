"""The bars as Markdown: what a model has to hold, and everything else that was measured beside it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from glyphvae_training.evaluation.bars import CLOSED_FORM, COUNTS, MARKS
from glyphvae_training.evaluation.report import table

Json = dict[str, Any]
# Of a figure, "value", "low" and "high".
Figure = Json

READ = f"{CLOSED_FORM}, {COUNTS[-1]} labels"
LABEL_BELOW = -0.06
PIECES = ("g", "q", "j")
WIDTHS = "width between letters"
MODELS = "models"


@dataclass(frozen=True)
class Bar:
    """Requirement that a model has to meet.

    Attributes:
        name: What is measured.
        bar: What has to hold, in words.
        shown: Formats the figure of a model's measurements.
        holds: Returns whether it holds.
    """

    name: str
    bar: str
    shown: Callable[[Json], str]
    holds: Callable[[Json], bool]


def number(figure: Figure, digits: int = 3) -> str:
    """Format a figure with its interval: "1.234 (1.1 – 1.3)"."""
    parts = (figure["value"], figure["low"], figure["high"])
    value, low, high = ("∞" if part is None else f"{part:.{digits}f}" for part in parts)
    return f"{value} ({low} – {high})"


def points(figure: Figure) -> str:
    """Format a difference of shares in percentage points: "+1.2 (+0.8 – +1.6)"."""
    value, low, high = (f"{100 * figure[part]:+.1f}" for part in ("value", "low", "high"))
    return f"{value} ({low} – {high})"


def percent(figure: Figure) -> str:
    """Format a share: "97.1 % (96.0 – 98.2)"."""
    value, low, high = (f"{100 * figure[part]:.1f}" for part in ("value", "low", "high"))
    return f"{value} % ({low} – {high})"


def at_most(figure: Figure, limit: float) -> bool:
    """Return whether a figure is known and at most the limit."""
    return figure["value"] is not None and figure["value"] <= limit


def below(found: Json) -> list[str]:
    """Return the labels that are read less often than real ones, with the whole interval below −6 points."""
    labels = found["reading"][READ]["labels"]
    return [label for label, one in labels.items() if one["difference"]["high"] < LABEL_BELOW]


def ratio(name: str, limit: float) -> Bar:
    """Return the bar of a measure of ink, in shares of that of real characters."""
    return Bar(
        f"{name}, by real",
        f"≤ {limit:g}",
        lambda found: number(found["ink"][name]["ratio"], 2),
        lambda found: at_most(found["ink"][name]["ratio"], limit),
    )


def in_pieces(label: str) -> Bar:
    """Return the bar of a label that falls apart."""

    def difference(found: Json) -> Figure:
        figure: Figure = found["ink"]["in more pieces"]["labels"][label]["difference"]
        return figure

    return Bar(
        f"`{label}` in more pieces, generated − real, points",
        "≤ 3",
        lambda found: points(difference(found)),
        lambda found: at_most(difference(found), 0.03),
    )


def dotted(label: str) -> Bar:
    """Return the bar of a label's dot."""
    return Bar(
        f"`{label}` with its dot, in hands of fonts that dot theirs",
        "≥ 97 %",
        lambda found: percent(found["dots"][label]) if label in found["dots"] else "no font dots it",
        lambda found: label in found["dots"] and found["dots"][label]["value"] >= 0.97,
    )


def found_by(given: int, least: float) -> Bar:
    """Return the bar of the fonts that are found, of all that were looked among."""

    def among(found: Json) -> str:
        names: list[str] = [name for name in found["found"] if name.startswith(f"{given} of ")]
        return names[-1]

    return Bar(
        f"font found by k = {given} letters",
        f"≥ {100 * least:.0f} %",
        lambda found: f"{percent(found['found'][among(found)]['nearest'])}, {among(found).split(maxsplit=1)[1]}",
        lambda found: found["found"][among(found)]["nearest"]["value"] >= least,
    )


def widest(found: Json) -> float:
    """Return the variation of width that is allowed: 0.08, or that of the fonts themselves."""
    own: float = found["large"][f"{WIDTHS} of the fonts"]["value"]
    return max(0.08, own)


BARS = (
    Bar(
        "label accuracy, generated − real, mean over 62 labels, points (HOG + LDA)",
        "within ± 3",
        lambda found: points(found["reading"][READ]["mean"]["difference"]),
        lambda found: abs(found["reading"][READ]["mean"]["difference"]["value"]) <= 0.03,
    ),
    Bar(
        "labels with an interval wholly below −6 points",
        "none",
        lambda found: ", ".join(below(found)) or "none",
        lambda found: not below(found),
    ),
    ratio("haze", 1.2),
    ratio("specks", 1),
    *(in_pieces(label) for label in PIECES),
    dotted("i"),
    dotted("j"),
    Bar(
        "stroke width between letters of one hand, coefficient of variation",
        "≤ 0.08, or that of the fonts",
        lambda found: f"{number(found['large'][WIDTHS])}; fonts {number(found['large'][f'{WIDTHS} of the fonts'])}",
        lambda found: at_most(found["large"][WIDTHS], widest(found)),
    ),
    found_by(1, 0.6),
    found_by(5, 0.9),
    Bar(
        "pixel MSE of held-out characters, mean over 62 labels",
        "≤ 0.010",
        lambda found: number(found["mse"]["mean"], 4),
        lambda found: at_most(found["mse"]["mean"], 0.01),
    ),
    Bar(
        "real against generated, binarised, AUC",
        "≤ 0.67",
        lambda found: (
            f"{number(found['told_apart']['binarised']['made'])}; "
            f"real against real {number(found['told_apart']['binarised']['control'])}"
        ),
        lambda found: at_most(found["told_apart"]["binarised"]["made"], 0.67),
    ),
    Bar("labels", "126", lambda found: str(found["labels"]), lambda found: found["labels"] == 126),
)


def bars_report(measured: Json) -> str:
    """Format everything that was measured.

    Args:
        measured: `protocol`, and the measurements of `models` by name.
    """
    sections = (bars_section, reading_section, ink_section, hands_section, likeness_section, labels_section)
    title = f"# Bars, {measured['protocol']['part']} part"
    return "\n\n".join([title, *(section(measured[MODELS]) for section in sections)]) + "\n"


def bars_section(models: Json) -> str:
    """Format what has to hold, with ✓ or ✗ for each model."""
    rows = []
    for bar in BARS:
        cells = (f"{bar.shown(found)} {'✓' if bar.holds(found) else '✗'}" for found in models.values())
        rows.append([bar.name, bar.bar, *cells])
    return table(["", "bar", *names(models)], rows)


def names(models: Json) -> list[str]:
    """Return the heads of the models' columns."""
    return [f"`{name}`" for name in models]


def section(title: str, models: Json, rows: Iterator[Sequence[str]]) -> str:
    """Format a table with a column for each model under a heading."""
    return f"## {title}\n\n" + table(["", *names(models)], rows)


def compared(one: Json) -> str:
    """Format a difference of shares with the shares of real and generated characters."""
    return f"{points(one['difference'])}: {100 * one['made']:.1f} against {100 * one['real']:.1f} %"


def reading_section(models: Json) -> str:
    """Format the label accuracy under each reader."""
    first = next(iter(models.values()))["reading"]
    readers = [*(name for name in first if name != MARKS), MARKS]

    def rows() -> Iterator[Sequence[str]]:
        for reader in readers:
            cells = (found["reading"].get(reader) for found in models.values())
            yield [reader, *("–" if cell is None else compared(cell["mean"]) for cell in cells)]

    return section("Label accuracy, generated − real, points", models, rows())


def ink_section(models: Json) -> str:
    """Format the measures of ink, in shares of those of real characters."""

    def rows() -> Iterator[Sequence[str]]:
        for name in next(iter(models.values()))["ink"]:
            cells = (found["ink"][name] for found in models.values())
            yield [
                name,
                *(f"{number(one['ratio'], 2)}: {one['mean']['made']:.3f}/{one['mean']['real']:.3f}" for one in cells),
            ]

    return section("Ink, by that of real characters, mean over labels", models, rows())


def hands_section(models: Json) -> str:
    """Format what concerns the hands of held-out fonts, and their strokes at 512 pixels."""
    first = next(iter(models.values()))

    def rows() -> Iterator[Sequence[str]]:
        for name in first["found"]:
            for how in ("nearest", "relative"):
                yield [f"found by {name}, {how}", *(percent(one["found"][name][how]) for one in models.values())]
        for name in first["large"]:
            yield [f"512 pixels: {name}", *(number(one["large"][name]) for one in models.values())]
        cells = ([f"{icc['value']:.2f}" for icc in one["intraclass"]] for one in models.values())
        yield ["intraclass correlation of each hand latent", *(", ".join(cell) for cell in cells)]

    return section("Hands of held-out fonts", models, rows())


def share_of(name: str, found: Json) -> Figure:
    """Return precision, recall, density or coverage."""
    figure: Figure = found["shares"][name]
    return figure


def likeness_section(models: Json) -> str:
    """Format the comparison of features, with real against real characters, and the areas under the curve."""
    first = next(iter(models.values()))

    def pair(side: Json, get: Callable[[Json], Figure], digits: int) -> str:
        return f"{number(get(side['made']), digits)}; control {get(side['control'])['value']:.{digits}f}"

    def rows() -> Iterator[Sequence[str]]:
        for kind, one in first["likeness"].items():
            sides = [found["likeness"][kind] for found in models.values()]
            yield [f"Fréchet distance, {kind}", *(pair(side, lambda found: found["frechet"], 3) for side in sides)]
            for share in one["made"]["shares"]:
                cells = [pair(side, partial(share_of, share), 3) for side in sides]
                yield [f"{share}, {kind}", *cells]
            scores = (compared(side["classification_accuracy"]["mean"]) for side in sides)
            yield [f"classification accuracy score, {kind}", *scores]
        for kind in first["told_apart"]:
            yield [f"AUC, {kind}", *(pair(found["told_apart"][kind], dict, 3) for found in models.values())]

    return section("Generated beside real characters", models, rows())


def labels_section(models: Json) -> str:
    """Format label accuracy, pieces and pixel error label by label."""
    first = next(iter(models.values()))
    head = ["label", "real read right"]
    head += [f"{name}: {what}" for name in names(models) for what in ("read, points", "in more pieces, points", "MSE")]
    rows = []
    for label, one in first["reading"][READ]["labels"].items():
        cells = [label, f"{100 * one['real']:.1f} %"]
        for found in models.values():
            pieces, error = found["ink"]["in more pieces"]["labels"], found["mse"]["labels"]
            cells.append(points(found["reading"][READ]["labels"][label]["difference"]))
            cells.append(points(pieces[label]["difference"]) if label in pieces else "–")
            cells.append(f"{error[label]['value']:.4f}" if label in error else "–")
        rows.append(cells)
    return f"## Label by label, {READ}\n\n" + table(head, rows)
