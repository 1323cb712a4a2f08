"""Start a Faust app as a process, hear what it says, stop it or kill it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
APP = Path(__file__).with_name("observed_app.py")

#: For starting a worker on a busy machine; it takes 1 to 2 s on a quiet one.
BOUND_S = 60


class Watched:
    """A running app; killed at the end of its block if it still runs."""

    def __init__(self, folder, mode, *, url, topic, **plan):
        plan = {"folder": str(folder / "faust"), "mode": mode, "url": url, "topic": topic, **plan}
        self._errors = (folder / "errors.txt").open("a+b")
        self._changed = threading.Condition()
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, str(APP), json.dumps(plan)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self):
        for line in self.process.stdout:
            _, brace, rest = line.partition(
                b'{"'
            )  # Faust writes its own banner, and signs for the terminal, in between
            if brace:
                with self._changed:
                    self.said.append(json.loads(brace + rest))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def all(self, name):
        """Return everything said under a name so far."""
        return [one[name] for one in list(self.said) if name in one]

    def wait_for(self, name, count=1, bound_s=BOUND_S):
        """Wait until something was said under a name so many times."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: len(self.all(name)) >= count or self.process.poll() is not None, timeout=bound_s
            )
        assert len(self.all(name)) >= count, (enough, self.said[-5:], self.errors()[-3000:])
        return self.all(name)

    def errors(self):
        """Return what the app wrote on its standard error."""
        self._errors.flush()
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def stop(self):
        """Ask it to end as a person at the keyboard does, and return how it ended."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self):
        """Wait for its end and return how it ended."""
        code = self.process.wait(BOUND_S)
        self._listener.join(BOUND_S)
        return code

    def kill(self):
        """End it without a chance to tidy up."""
        self.process.kill()
        self.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        self.process.stdout.close()
        self._errors.close()
