"""pack.py FOLDER OUT: a zip of a folder, the same bytes for the same files; what may be run stays so."""

import os
import sys
import zipfile

folder, out = sys.argv[1:]
files = sorted(os.path.join(at, name) for at, _, names in os.walk(folder) for name in names)
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
    for file in files:
        info = zipfile.ZipInfo(os.path.relpath(file, folder), (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3
        info.external_attr = (0o100755 if os.access(file, os.X_OK) else 0o100644) << 16
        with open(file, "rb") as source:
            packed.writestr(info, source.read())
