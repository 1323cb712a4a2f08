"""From an address and keys to a store; a vendor's library is loaded only when its kind of store is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from sinks.object_store.address import FolderAddress, MemoryAddress, read_address

if TYPE_CHECKING:
    from sinks.object_store.credentials import Credentials
    from sinks.object_store.store import ObjectStore


def open_store(url: str, credentials: Credentials | None = None) -> ObjectStore:
    """Open the store at ``url`` (see :mod:`sinks.object_store.address`). Connects to nothing: ``check`` does.

    Raises
    ------
    FatalFault
        If the address is wrong, or an S3 server is named and no credentials are given.
    """
    address = read_address(url)
    if isinstance(address, MemoryAddress):
        from sinks.object_store.memory import MemoryStore  # noqa: PLC0415 - one kind is loaded, not all

        return MemoryStore()
    if isinstance(address, FolderAddress):
        from sinks.object_store.local import LocalStore  # noqa: PLC0415

        return LocalStore(address.folder)
    if credentials is None:
        message = f"the S3 server {address.endpoint} needs credentials: an access key and a secret key"
        raise FatalFault(message)
    from sinks.object_store.s3 import S3Store  # noqa: PLC0415

    return S3Store(address, credentials)
