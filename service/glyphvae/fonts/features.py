"""Layout tables of a font: alternates by turns (`calt`) and kerning (`kern`)."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from fontTools.otlLib import builder
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables import otTables
from fontTools.ttLib.tables.otBase import OTTableWriter
from numpy import int64
from numpy.typing import NDArray

from glyphvae.scheduling.deadline import checkpoint

# Scripts whose letters the fonts have, and the one for all others.
_SCRIPTS = ("DFLT", "latn")
_IGNORE_MARKS = 8
# Offsets to what follows the values of a table have 16 bits.
_LARGEST = 40_000


def substitutions(font: TTFont, forms: Sequence[Sequence[str]], spaces: Sequence[str]) -> Any:  # noqa: ANN401 (untyped)
    """Return the table by which no glyph has the form of the one before it, not even across a space.

    Args:
        font: Holds the order of glyphs.
        forms: The glyphs of each form, in the same order.
        spaces: Glyphs between words.
    """
    usual, singles, rules = forms[0], [], builder.ChainContextSubstBuilder(font, None)
    for before, after in pairwise(forms):
        single = builder.SingleSubstBuilder(font, None)
        single.mapping = dict(zip(usual, after, strict=True))
        singles.append(single)
        for skipped in ([], [set(spaces)]):
            context = builder.ChainContextualRule([set(before), *skipped], [set(usual)], [], [single])
            rules.rules.append(context)
    rules.lookupflag = _IGNORE_MARKS
    for index, lookup in enumerate([rules, *singles]):
        lookup.lookup_index = index
    return _table("GSUB", {"calt": [0]}, [lookup.build() for lookup in [rules, *singles]])


def positions(lookups: Sequence[Sequence[Any]]) -> Any:  # noqa: ANN401
    """Return the table of kerning.

    Args:
        lookups: Each of tables as `pairs` makes, of which one counts for a pair.
    """
    made = [builder.buildLookup(list(tables)) for tables in lookups]
    return _table("GPOS", {"kern": list(range(len(made)))}, made)


def pairs(font: TTFont, first: Mapping[str, int], second: Mapping[str, int], change: NDArray[int64]) -> list[Any]:
    """Return tables of the change of distances between classes of glyphs.

    Args:
        font: Holds the order of glyphs.
        first: The class of each first glyph of a pair; of others there are no pairs.
        second: The class of each second glyph; the distance to others is not changed.
        change: (first classes, second classes) font units.

    Raises:
        Problem: As `checkpoint`.
    """
    found, rows = [], max(1, _LARGEST // (2 * (change.shape[1] + 1)))
    for start in range(0, len(change), rows):
        checkpoint()
        block = change[start : start + rows]
        table = otTables.PairPos()
        table.Format, table.ValueFormat1, table.ValueFormat2 = 2, 4, 0
        members = {name: kind - start for name, kind in first.items() if start <= kind < start + len(block)}
        table.Coverage = builder.buildCoverage(members, font.getReverseGlyphMap())
        table.ClassDef1 = _classes({name: kind for name, kind in members.items() if kind})
        # Class 0 of the second glyph is that of all others.
        table.ClassDef2 = _classes({name: kind + 1 for name, kind in second.items()})
        table.Class1Record = [_Row(row) for row in np.pad(block, ((0, 0), (1, 0)))]
        table.Class1Count, table.Class2Count = block.shape[0], block.shape[1] + 1
        found.append(table)
    return found


def _classes(members: dict[str, int]) -> Any:  # noqa: ANN401
    classes = otTables.ClassDef()
    classes.classDefs = members
    return classes


class _Row(otTables.Class1Record):  # type: ignore[misc]  # untyped
    """Changes of distance after one class, written at once: fontTools takes a second for one after the other."""

    def __init__(self, change: NDArray[int64]) -> None:
        self._change = change

    def compile(self, writer: OTTableWriter, font: TTFont) -> None:  # noqa: ARG002
        """Write them as value records of an advance."""
        writer["Class2Count"].setValue(len(self._change))
        writer.writeData(self._change.astype(">i2").tobytes())


def _table(tag: str, features: Mapping[str, Sequence[int]], lookups: Sequence[Any]) -> Any:  # noqa: ANN401
    """Return a table of lookups, whose features are on for every script and language."""
    table = newTable(tag)
    root = table.table = getattr(otTables, tag)()
    root.Version = 0x00010000
    root.LookupList = otTables.LookupList()
    root.LookupList.Lookup = list(lookups)
    root.FeatureList = otTables.FeatureList()
    root.FeatureList.FeatureRecord = [_feature(*feature) for feature in features.items()]
    root.ScriptList = otTables.ScriptList()
    root.ScriptList.ScriptRecord = [_script(script, len(features)) for script in _SCRIPTS]
    return table


def _feature(tag: str, lookups: Sequence[int]) -> Any:  # noqa: ANN401
    record = otTables.FeatureRecord()
    record.FeatureTag, record.Feature = tag, otTables.Feature()
    record.Feature.FeatureParams, record.Feature.LookupListIndex = None, list(lookups)
    return record


def _script(tag: str, features: int) -> Any:  # noqa: ANN401
    record = otTables.ScriptRecord()
    record.ScriptTag, record.Script = tag, otTables.Script()
    record.Script.LangSysRecord = []
    language = record.Script.DefaultLangSys = otTables.DefaultLangSys()
    language.LookupOrder, language.ReqFeatureIndex, language.FeatureIndex = None, 0xFFFF, list(range(features))
    return record
