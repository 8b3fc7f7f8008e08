"""Where a sparse file has data: `start end` in bytes, a line each. Node has no way to ask (lseek, SEEK_DATA).

usage: data_ranges.py FILE
"""

import os
import sys


def main() -> None:
    file = os.open(sys.argv[1], os.O_RDONLY)
    end = 0
    while True:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole follows.
            return
        end = os.lseek(file, start, os.SEEK_HOLE)
        print(start, end)


if __name__ == "__main__":
    main()
