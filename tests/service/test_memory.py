import sys

import pytest

from tests.service.processes import python

# Prints how many mebibytes stay of 64 that are freed, below a small block that is not.
PROGRAM = """
import os
from glyphvae.memory import keep_no_large_blocks

def held():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

keep_no_large_blocks()
bytes(31 << 20)  # glibc by itself takes blocks below this from the heap from now on
before = held()
large = [b"1" * (size << 20) for size in [4] * 16]
small = b"1" * 100_000
del large
print(held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other allocators")
def test_large_blocks_are_given_back() -> None:
    assert int(python("-c", PROGRAM).stdout) < 10
