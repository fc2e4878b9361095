"""Progress of long work, as a callback and as bars on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

# Steps done and steps in all; and the same behind the name of what is being done.
Progress = Callable[[int, int], None]
StageProgress = Callable[[str, int, int], None]

# Of lines in a log, where no terminal shows bars.
SECONDS_BETWEEN_LINES = 15.0


def no_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


def no_stage_progress(_stage: str, _done: int, _total: int) -> None:
    """Ignore the progress."""


@contextmanager
def progress_bars() -> Iterator[StageProgress]:
    """Show a bar for each stage, with the time that is left, on standard error; yields the callback.

    Where standard error is no terminal, as in a container, it gets a line now and then instead.
    """
    console = Console(stderr=True)
    columns = (
        *(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")),
        *(TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn()),
    )
    tasks: dict[str, TaskID] = {}
    next_line = monotonic() + SECONDS_BETWEEN_LINES
    with Bars(*columns, console=console, disable=not console.is_terminal) as bars:

        def show(stage: str, done: int, total: int) -> None:
            nonlocal next_line
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)
            if bars.disable and (monotonic() >= next_line or done == total):
                next_line = monotonic() + SECONDS_BETWEEN_LINES
                task = bars.tasks[tasks[stage]]
                left = "" if task.time_remaining is None else f", {task.time_remaining:.0f} s left"
                console.print(f"{stage}: {task.percentage:.0f} %{left}")

        yield show


@contextmanager
def progress_bar(description: str) -> Iterator[Progress]:
    """Show a progress bar on standard error; yields the callback that takes the steps done and the steps in all."""
    with progress_bars() as show:
        yield partial(show, description)
