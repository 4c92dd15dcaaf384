"""Where the binary `imds` is: named by the user, carried by the wheel, or in PATH."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import shutil

from ._door import ImdsError

DISTRIBUTION = "pytest-openimds"


def find() -> str:
    """The path of the binary: what IMDS_BINARY names, else the wheel's own, else the first in PATH."""
    named = os.environ.get("IMDS_BINARY")
    if named:
        # Who names one means that one, and is told if it is none.
        found = shutil.which(named)
        if not found:
            raise ImdsError(f"IMDS_BINARY names {named}, which is no program: correct it, or unset it")
        return os.path.abspath(found)
    found = _carried() or shutil.which("imds")
    if not found:
        raise ImdsError(
            f"there is no binary `imds`: install the wheel of {DISTRIBUTION}, which carries it, put it into PATH, or "
            "let IMDS_BINARY name it"
        )
    return found


def _carried() -> str | None:
    """The binary that came with the wheel, which its own record of files knows wherever it was installed to."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    # `pip install --target` moves scripts into a folder beside the packages, and does not say so in the record.
    places = [pathlib.Path(str(file.locate())) for file in files if file.name == "imds"]
    places.append(pathlib.Path(__file__).resolve().parent.parent / "bin" / "imds")
    return next((str(place.resolve()) for place in places if os.access(place, os.X_OK) and place.is_file()), None)
