"""The command `glyphvae`, imported in less time than `service.cli` alone."""

import gc

from service.lean import without_pydantic_v1


def main() -> None:
    """Run the command line."""
    # What an import makes is there to stay: to look through all of it for garbage, over and over, is in vain.
    gc.disable()
    with without_pydantic_v1():
        from service.cli import main as run  # noqa: PLC0415 (that is what takes long)
    gc.freeze()
    gc.enable()
    run()


if __name__ == "__main__":
    main()
