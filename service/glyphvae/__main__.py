"""The command `glyphvae`, imported in less time than `glyphvae.commands.main` alone.

Other server processes import this module too, because each begins with what the first one was started with.
"""

import gc

from glyphvae.startup import without_pydantic_v1

# What an import makes is there to stay: to look through all of it for garbage, over and over, is in vain.
gc.disable()
with without_pydantic_v1():
    from glyphvae.commands.main import main
gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
