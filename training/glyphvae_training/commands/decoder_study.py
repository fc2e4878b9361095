"""The command that compares decoders and writes docs/decoders.md.

    python -m glyphvae_training.commands.decoder_study RUN ...

The runs are trained with the same data, encoder and number of epochs, for instance by

    glyphvae train cvae --decoder dense --epochs 20 --out runs/study/dense
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glyphvae_training.commands.options import DATA, DataFolder, errors_reported
from glyphvae_training.data.dataset import load_alphanumeric
from glyphvae_training.fitting.runs import load_run
from glyphvae_training.judges.judge import JUDGES
from glyphvae_training.judges.judge_data import load_judge_data
from glyphvae_training.judges.judge_training import stored_judge
from glyphvae_training.study.decoders import compare, write_page


@errors_reported()
def main(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished runs; one of them with decoder `conv`.")],
    *,
    data: DataFolder = DATA,
    judge: Annotated[list[str] | None, typer.Option(help="Judges that read the samples.", show_default="all")] = None,
    judges: Annotated[Path, typer.Option(help="Folder of trained judges.")] = Path("runs/judges"),
    docs: Annotated[Path, typer.Option(help="Folder of decoders.md.")] = Path("docs"),
    samples: Annotated[int, typer.Option(help="Fresh samples of each label.")] = 300,
    judge_images: Annotated[int | None, typer.Option(help="Training images of a judge.")] = None,
) -> None:
    """Measure the decoders of finished runs, and write docs/decoders.md with its plot."""
    console = Console(stderr=True)
    judge_data = load_judge_data(data)
    with console.status("training judges"):
        trained = [stored_judge(judge_data, name, judges, images=judge_images) for name in judge or JUDGES]
    with console.status("measuring"):
        candidates = compare([load_run(run) for run in runs], load_alphanumeric(data), trained, samples=samples)
    write_page(docs, candidates)
    console.print(f"wrote {docs / 'decoders.md'}")


if __name__ == "__main__":
    typer.run(main)
