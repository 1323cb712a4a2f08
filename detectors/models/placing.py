"""Write a model's folder as a whole or not at all."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def make_folder(folder: Path) -> Iterator[Path]:
    """Lend a folder that becomes ``<catalogue>/<name>/<version>`` when the block ends well, and vanishes when it does not.

    Raises
    ------
    FatalFault
        If the catalogue cannot be written: known before the block begins, as far as that can be known.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".filing-", dir=folder.parent) as scratch:
            made = Path(scratch) / "model"
            made.mkdir()
            yield made
            made.rename(folder)
    except OSError as error:
        catalogue = folder.parent.parent.name
        message = f"The catalogue {catalogue} cannot be written ({error.strerror or type(error).__name__})."
        raise FatalFault(message) from error
    finally:
        with suppress(OSError):  # not empty: other versions are there
            folder.parent.rmdir()
