"""Names in a font file."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

# The style of every font: a family has one.
STYLE = "Regular"
VERSION = "1.000"
_LONGEST_POSTSCRIPT = 63 - len(f"-{STYLE}")


@dataclass(frozen=True)
class Names:
    """The names of one font.

    Attributes:
        family: The name that it is chosen by.
        identity: Tells it from every other font.
        description: How it was made.
        designer: Whoever's hand it is, as the caller says.
        copyright: The caller's.
        licence: The caller's terms.
        licence_url: Where they are.
    """

    family: str
    identity: str
    description: str
    designer: str | None = None
    copyright: str | None = None
    licence: str | None = None
    licence_url: str | None = None

    @property
    def postscript(self) -> str:
        """The name without anything that PostScript does not allow in one."""
        return f"{ascii_name(self.family) or f'Hand{self.identity}'}-{STYLE}"

    def records(self) -> Mapping[str, str]:
        """Return the names by what fontTools calls them."""
        found = {
            "copyright": self.copyright,
            "familyName": self.family,
            "styleName": STYLE,
            "uniqueFontIdentifier": f"{VERSION};{self.postscript};{self.identity}",
            "fullName": f"{self.family} {STYLE}",
            "version": f"Version {VERSION}",
            "psName": self.postscript,
            "designer": self.designer,
            "description": self.description,
            "licenseDescription": self.licence,
            "licenseInfoURL": self.licence_url,
        }
        return {name: text for name, text in found.items() if text}


def file_name(names: Names) -> str:
    """Return the name of a font's file, without its ending."""
    return names.postscript.removesuffix(f"-{STYLE}")


def ascii_name(family: str) -> str:
    """Return the letters and digits of a family's name, without accents, as a name of files and of PostScript."""
    plain = unicodedata.normalize("NFKD", family)
    return re.sub("[^A-Za-z0-9]", "", plain)[:_LONGEST_POSTSCRIPT]
