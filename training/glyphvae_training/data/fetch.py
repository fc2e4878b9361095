"""Download of the public source files, each from more than one mirror and checked against its checksum.

The Kaggle A-Z file is not among them: it needs a login. Without it the capitals are read from the test part of EMNIST
ByClass (`glyphvae_training.data.sources.find_letters`).
"""

import gzip
import hashlib
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import httpx
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from glyphvae_training.data.entries import GZIP_MAGIC, DataFolder
from glyphvae_training.data.sources import find_emnist, find_letters, find_mnist
from glyphvae_training.errors import DataError, DataMissingError, FetchError

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
EMNIST_MIRRORS = (
    "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
    "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
)
# Seconds without a byte; the archive of EMNIST takes minutes as a whole.
TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Original:
    """A public file, or an archive of which some files are needed.

    Attributes:
        folder: where the files go, below the data folder.
        files: SHA-256 by name of the uncompressed content: the gzip wrapping differs between mirrors.
        mirrors: addresses, tried in order; one that ends in .zip is an archive with the files anywhere inside.
    """

    folder: str
    files: Mapping[str, str]
    mirrors: tuple[str, ...]


def mnist_original(name: str, sha256: str) -> Original:
    """Describe one of MNIST's four files."""
    return Original("mnist", {name: sha256}, tuple(f"{mirror}{name}" for mirror in MNIST_MIRRORS))


MNIST = (
    mnist_original("train-images-idx3-ubyte.gz", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    mnist_original("train-labels-idx1-ubyte.gz", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    mnist_original("t10k-images-idx3-ubyte.gz", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    mnist_original("t10k-labels-idx1-ubyte.gz", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)
EMNIST = (
    Original(
        "emnist",
        {
            "emnist-byclass-test-images-idx3-ubyte.gz": (
                "385559d7d5c96f49cd6b55b3e9e76d7ecbf568897b6067e8cac8f1ffc2f50f81"
            ),
            "emnist-byclass-test-labels-idx1-ubyte.gz": (
                "842d01413932b3ce7afbc9990376a16f8880a212bb42d66fa2922b4218cf300a"
            ),
        },
        EMNIST_MIRRORS,
    ),
)


def fetch(folder: Path, originals: Sequence[Original]) -> list[Path]:
    """Download the files that are not yet anywhere below `folder`.

    Args:
        folder: the data folder; created if need be.
        originals: what belongs there: `MNIST`, `EMNIST` or both.

    Returns:
        The files that were downloaded. Each appears whole and checked, or not at all.

    Raises:
        FetchError: no mirror of an original served it; names the file, what each mirror did, and where to put the file.
    """
    folder = folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    there = DataFolder(folder)
    fetched = []
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT_SECONDS) as client:
        for original in originals:
            missing = {name: sha256 for name, sha256 in original.files.items() if not present(there, name)}
            if missing:
                fetched += obtain(client, missing, original.mirrors, folder / original.folder)
    return fetched


def originals_of(dataset: Literal["alphanumeric", "byclass", "mnist", "pen"], folder: Path) -> tuple[Original, ...]:
    """Return the source files of a data set that the folder holds in no form, but for fonts."""
    needed: list[tuple[Callable[[DataFolder], object], tuple[Original, ...]]] = [
        (lambda there: (find_mnist(there, "train"), find_mnist(there, "test")), MNIST)
    ]
    if dataset != "mnist":
        needed.append((find_letters if dataset == "alphanumeric" else find_emnist, EMNIST))
    originals: tuple[Original, ...] = ()
    for find, source in needed:
        try:
            find(DataFolder(folder))
        except DataMissingError:
            originals += source
    return originals


def present(folder: DataFolder, name: str) -> bool:
    """Return whether the file is anywhere in the folder, gzipped or plain."""
    return folder.first(re.escape(name.removesuffix(".gz"))) is not None


def obtain(client: httpx.Client, files: Mapping[str, str], mirrors: tuple[str, ...], folder: Path) -> list[Path]:
    """Download the files from the first mirror that serves all of them with the right checksums."""
    folder.mkdir(parents=True, exist_ok=True)
    failures = []
    for url in mirrors:
        try:
            with temporary(folder) as download:
                receive(client, url, download)
                return unpack(download, url, files, folder)
        except (httpx.HTTPError, httpx.InvalidURL, DataError, zipfile.BadZipFile) as error:
            failures.append(f"{url}: {error}")
    names = " and ".join(files)
    raise FetchError(
        f"{names} could not be downloaded ({'; '.join(failures)}). Get it elsewhere and put it in {folder}"
    )


@contextmanager
def temporary(folder: Path) -> Iterator[Path]:
    """Yield a temporary file in the folder, deleted afterwards."""
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def receive(client: httpx.Client, url: str, target: Path) -> None:
    """Stream a response into the file, under a progress bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with client.stream("GET", url) as response, target.open("wb") as file, Progress(*columns) as progress:
        response.raise_for_status()
        size = response.headers.get("Content-Length")
        task = progress.add_task(url.rsplit("/", 1)[-1], total=int(size) if size else None)
        for chunk in response.iter_raw(CHUNK_BYTES):
            file.write(chunk)
            progress.advance(task, len(chunk))


def unpack(download: Path, url: str, files: Mapping[str, str], folder: Path) -> list[Path]:
    """Check the files in a download and move them into the folder.

    Raises:
        DataError: one is not there or has another checksum; then none is put there.
    """
    with temporary_folder(folder) as staging:
        for name, sha256 in files.items():
            with opened(download, url, name) as source, (staging / name).open("wb") as target:
                shutil.copyfileobj(source, target)
            check(staging / name, sha256)
        return [(staging / name).replace(folder / name) for name in files]


@contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder inside the folder, deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=folder, suffix=".part") as name:
        yield Path(name)


@contextmanager
def opened(download: Path, url: str, name: str) -> Iterator[BinaryIO]:
    """Open the file `name` in a download: its member in an archive, else the download itself."""
    if not url.endswith(".zip"):
        with download.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(download) as archive:
        members = [member for member in archive.namelist() if member.rsplit("/", 1)[-1] == name]
        if not members:
            raise DataError(f"the archive has no {name}")
        with archive.open(members[0]) as file:
            yield cast("BinaryIO", file)


def check(path: Path, sha256: str) -> None:
    """Compare the checksum of the file's uncompressed content.

    Raises:
        DataError: it is another one, or the gzip stream is damaged.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == GZIP_MAGIC
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path.name} arrived damaged: {error}") from error
    if found != sha256:
        raise DataError(f"{path.name} has SHA-256 {found} instead of {sha256}")
