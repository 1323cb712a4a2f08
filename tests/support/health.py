"""The health page of a worker, as a probe reads it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from tests.services.servers import find_free_port


class Health:
    """The page of a worker on a port that is free now."""

    def __init__(self) -> None:
        self.port = find_free_port()

    def read(self):
        """Return status and content; no status while there is no page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=10) as page:
                return page.status, json.load(page)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return None, {}
