"""A site, on services of its own or shared, and what is in it: for tests of the whole."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field

from schemas.topics import Topics
from streams.places import open_broker, open_objects, plan_topics
from streams.settings.read import read_settings
from tests.support.deployments import Site, ask, open_worker, run_observatory, start_worker, wait_for


@dataclass
class Cluster:
    """A site, and the environment that holds its secrets."""

    site: Site
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def deployment(self):
        """The settings as a command reads them."""
        return read_settings(self.site.settings, {**os.environ, **self.environment}).deployment

    @property
    def topics(self):
        """The names of its topics."""
        return Topics(self.site.prefix)

    @contextlib.contextmanager
    def open_client(self):
        """Open its broker."""
        with contextlib.closing(open_broker(self.deployment)) as client:
            yield client

    def prepare(self):
        """Make bucket and topics."""
        open_objects(self.deployment, create=True)
        with self.open_client() as client:
            client.create(plan_topics(self.deployment))
        return self

    def ask(self, *arguments):
        """Run a command with ``--json``."""
        return ask(*arguments, "--settings", self.site.settings, environment=self.environment)

    def report(self):
        """Return the usage report as it is printed."""
        given = ("report", "--settings", self.site.settings, "--format", "md")
        return run_observatory(*given, environment=self.environment).stdout

    def open_worker(self, environment=None):
        """Run a worker for the time of the block."""
        return open_worker(self.site.settings, {**self.environment, **(environment or {})})

    def start_worker(self):
        """Start a worker; whoever starts it ends it."""
        return start_worker(self.site.settings, self.environment)

    def count_stored(self):
        """Return how many results were announced, repeats included."""
        with self.open_client() as client:
            return sum(client.end_offsets([self.topics.result_stored]).values())

    def wait_until_even(self, patience_s=240.0):
        """Return the ledger once every arrival has ended."""
        wait_for(
            lambda: self.ask("ledger").get("in_flight") == 0, what="every arrival has ended", patience_s=patience_s
        )
        return self.ask("ledger")

    def read_objects(self, *endings):
        """Return originals, and results whose key ends so."""
        store = open_objects(self.deployment)
        names = [info.key for info in store.list("") if info.key.startswith(("results/", "originals/"))]
        return {key: store.read(key) for key in names if key.startswith("originals/") or key.endswith(endings)}


def make_cluster(folder, kafka_url, s3, name, **options):
    """Return a site on Kafka and an S3 server, its bucket and topics made."""
    site = Site(folder, broker=kafka_url, store=s3.make_store_url(name), name=name, prefix=name, **options)
    secrets = {
        "OBSERVATORY__STORE__ACCESS_KEY": f'"{s3.access_key}"',
        "OBSERVATORY__STORE__SECRET_KEY": f'"{s3.secret_key}"',
    }
    return Cluster(site, secrets).prepare()
