"""The command `glyphvae`, imported in less time than `service.cli` alone.

Other server processes import this module too, because each begins with what the first one was started with.
"""

import gc

from service.lean import without_pydantic_v1

# What an import makes is there to stay: to look through all of it for garbage, over and over, is in vain.
gc.disable()
with without_pydantic_v1():
    from service.cli import main
gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
