"""Which collection lists a feed's images, and which fields of its documents say what."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

#: A field's name, or a way into documents within documents: ``image.path``.
_FIELD = re.compile(r"[^.$\x00-\x1f][^.\x00-\x1f]*(\.[^.$\x00-\x1f][^.\x00-\x1f]*)*")

_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")


def _check_url(url: str) -> str:
    if not url.startswith(("mongodb://", "mongodb+srv://")):
        message = "an address of MongoDB begins with mongodb:// or mongodb+srv://"
        raise ValueError(message)
    if _PASSWORD.search(url):
        message = "the password does not belong into the address: name username and password_file"
        raise ValueError(message)
    return url


def _check_field(name: str | None) -> str | None:
    if name is not None and not _FIELD.fullmatch(name):
        message = "not the name of a field"
        raise ValueError(message)
    return name


FieldName = Annotated[str | None, AfterValidator(_check_field)]


class CollectionRule(BaseModel):
    """A collection whose documents list images; part of the feed's settings.

    Attributes
    ----------
    root
        Folder that paths are relative to; absolute paths must lie in it. Needed with ``path_field``.
    path_field, key_field
        Field that holds the path of a file, and field that holds the key of an object in the store (or
        ``s3://bucket/key``); a document needs one of the two.
    time_field
        Field that holds the capture time: a date of MongoDB, or ISO 8601 with its zone; absent leaves it to the feed's rule.
    digest_field
        Field that holds the SHA-256 of an object's bytes, checked when they are read.
    overlap_s
        Documents whose ids are up to so much older than the last one are looked at again: several writers' clocks differ.
        Only where ids are MongoDB's own, which hold a time.
    missing_after_s
        A file that is not there is waited for so long after its document was made, then refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_check_url)]
    database: Annotated[str, Field(min_length=1, max_length=63)]
    collection: Annotated[str, Field(min_length=1, max_length=255)]
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    root: Path | None = None
    path_field: FieldName = None
    key_field: FieldName = None
    time_field: FieldName = None
    digest_field: FieldName = None
    overlap_s: Annotated[float, Field(ge=0, le=86_400)] = 600.0
    missing_after_s: Annotated[float, Field(ge=0)] = 86_400.0
    poll_s: Annotated[float, Field(gt=0, le=3_600)] = 5.0

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        if self.path_field is None and self.key_field is None:
            message = "name path_field or key_field: which field says where an image is"
            raise ValueError(message)
        if self.path_field is not None and self.root is None:
            message = "path_field needs root: the folder that paths are relative to"
            raise ValueError(message)
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that are read; no others leave the database."""
        named = (self.path_field, self.key_field, self.time_field, self.digest_field)
        return tuple(name for name in named if name is not None)

    @property
    def source(self) -> str:
        """The collection's name within its server."""
        return f"{self.database}.{self.collection}"
