"""The command `glyphvae rank`."""

from glyphvae_training.commands.options import DATA, EXPORTED, DataFolder, ModelName, ModelRepository, errors_reported


@errors_reported()
def rank(model: ModelName, data: DataFolder = DATA, exported: ModelRepository = EXPORTED) -> None:
    """Rank the latents of an exported model by the variance of mu over held-out characters."""
    from glyphvae_training.study.runner import print_ranking  # noqa: PLC0415 (see the package)

    print_ranking(model, data, exported)
