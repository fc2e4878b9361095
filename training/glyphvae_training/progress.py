"""Progress of long work, as a callback and as a bar on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bars

Progress = Callable[[int, int], None]


def no_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """Show a progress bar on standard error; yields the callback that takes the steps done and the steps in all."""
    with Bars(console=Console(stderr=True)) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
