"""botocore's descriptions of AWS's services, each read once for the whole process.

botocore keeps what it has read for each session, and moto makes several while it is imported: most of a second of
every start of the lab.
"""

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader

from patches.patching import replace


def read_once() -> None:
    """Whoever asks for a description gets the same object, also from another session."""
    read = cache(JSONFileLoader().load_file)

    def load_file(_: JSONFileLoader, file_path: str) -> Any:
        return read(file_path)

    replace(JSONFileLoader, load_file=load_file)
