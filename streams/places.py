"""Where a deployment's broker and store are, and how to open them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from detectors.registry import BuildContext
from schemas.errors import FatalFault
from schemas.topics import Topics
from sinks.object_store.address import S3Address, read_address
from sinks.object_store.credentials import Credentials as StoreCredentials
from sinks.object_store.opening import open_store
from streams.brokers.address import read_log_address, read_scheme
from streams.brokers.client import open_client
from streams.brokers.credentials import Credentials
from streams.settings.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from schemas.topics import Topic
    from sinks.object_store.store import ObjectStore
    from streams.brokers.client import Client
    from streams.settings.model import Deployment

#: The program's own name in the topics' group of workers.
APP_ID = "observatory"


def to_app_id(deployment: Deployment) -> str:
    """Return the name of the group of workers that share this deployment's work."""
    return f"{APP_ID}.{deployment.name}"


def to_watched_path(deployment: Deployment) -> Path:
    """Return where the watchers of this deployment remember what they announced and what they wait for."""
    return deployment.folder / "state" / "watched.db"


def to_broker_url(deployment: Deployment) -> str:
    """Return the broker's address; ``embedded:`` alone is a log in the deployment's folder."""
    url = deployment.broker.url
    return f"embedded://{(deployment.folder / 'log.db').as_posix()}" if url == "embedded:" else url


def to_store_url(deployment: Deployment) -> str:
    """Return the store's address; ``file:`` alone is a folder in the deployment's folder."""
    return (deployment.folder / "store").as_uri() if deployment.store.url == "file:" else deployment.store.url


def to_broker_credentials(deployment: Deployment) -> Credentials:
    """Return how to introduce oneself to the broker."""
    given = deployment.broker
    return Credentials(
        tls=given.tls,
        authority_file=given.authority_file,
        certificate_file=given.certificate_file,
        key_file=given.key_file,
        mechanism=given.mechanism,
        username=given.username,
        password=read_secret(given.password, given.password_file),
    )


def open_broker(deployment: Deployment) -> Client:
    """Open the broker for the command line, a feed or the ledger; close it after use.

    Raises
    ------
    FatalFault
        If the deployment's folder cannot be made, or the broker's address is wrong.
    """
    try:
        deployment.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {deployment.folder} cannot be made ({error.strerror})."
        raise FatalFault(message) from error
    return open_client(to_broker_url(deployment), to_broker_credentials(deployment))


def find_broker(deployment: Deployment) -> Client | None:
    """Open the broker for somebody who only reads; ``None`` where the embedded log is not there yet. Makes nothing.

    Raises
    ------
    TransientFault, FatalFault
        If the broker is away, or its address is wrong.
    """
    url = to_broker_url(deployment)
    if read_scheme(url) == "embedded" and not read_log_address(url).path.is_file():
        return None
    return open_client(url, to_broker_credentials(deployment))


def find_objects(deployment: Deployment) -> ObjectStore | None:
    """Open the object store for somebody who only reads; ``None`` where the deployment's own folder is not there yet.

    Raises
    ------
    TransientFault, FatalFault
        If a store that lies elsewhere is away, or is none.
    """
    if deployment.store.url == "file:" and not (deployment.folder / "store").is_dir():
        return None
    store = open_store(to_store_url(deployment), to_store_credentials(deployment))
    store.check(create=False)
    return store


def open_objects(deployment: Deployment, *, create: bool = False) -> ObjectStore:
    """Open the object store; ``create`` makes the folder or bucket if it is missing.

    Raises
    ------
    FatalFault
        If it is not there and may not be made, or access is denied.
    """
    store = open_store(to_store_url(deployment), to_store_credentials(deployment))
    # a folder of one's own is made at first use; a bucket only when asked for, because it is somebody else's server
    store.check(create=create or deployment.store.url == "file:")
    return store


def to_store_credentials(deployment: Deployment) -> StoreCredentials | None:
    """Return the account at the object store, if one is given."""
    given = deployment.store
    access, secret = (
        read_secret(given.access_key, given.access_key_file),
        read_secret(given.secret_key, given.secret_key_file),
    )
    return StoreCredentials(access, SecretStr(secret)) if access and secret else None


def find_bucket(deployment: Deployment) -> str:
    """Return the bucket that the store's address names; empty for a folder."""
    address = read_address(to_store_url(deployment))
    return address.bucket if isinstance(address, S3Address) else ""


def open_other_buckets(deployment: Deployment) -> Mapping[str, ObjectStore]:
    """Return the other buckets of the same server that references may point into, by name; a folder has none."""
    if not find_bucket(deployment):
        return {}
    url, credentials = urlsplit(deployment.store.url), to_store_credentials(deployment)
    return {
        name: open_store(url._replace(path=f"/{name}").geturl(), credentials)  # a host may be named like its bucket
        for name in deployment.store.allowed_buckets
    }


def lend_to_detectors(deployment: Deployment, store: ObjectStore) -> BuildContext:
    """Return what detectors are built with: models and backgrounds, and a folder for compiled networks."""
    networks = deployment.folder / "state" / "networks"
    return BuildContext(read_bytes=partial(_read_model_bytes, store, deployment.models), cache_folder=networks)


def _read_model_bytes(store: ObjectStore, folder: Path | None, key: str) -> bytes:
    """Read a model's or background's file: from the folder of models first, then from the store under ``models/``."""
    if folder is not None:
        with suppress(FileNotFoundError):
            return (folder / key).read_bytes()
    return store.read(f"models/{key}")


def plan_topics(deployment: Deployment) -> tuple[Topic, ...]:
    """Return the deployment's topics as they shall be."""
    topics = Topics(deployment.broker.topic_prefix)
    address = read_address(to_store_url(deployment))
    announced = isinstance(address, S3Address) and bool(address.announce)
    return topics.plan(deployment.installations, partitions=deployment.broker.partitions, announced=announced)
