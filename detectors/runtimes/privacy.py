"""Keep a vendor from reporting its use: a marine observatory's machine tells nobody what it runs."""

from __future__ import annotations

import sys

#: The package through which OpenVINO sends an event to a web analytics service each time it is imported (2026.4), leaving an
#: identifier in the user's home. Without the package it falls back to a stub of its own that does nothing.
_REPORTER = "openvino_telemetry"


def decline_telemetry() -> None:
    """Make OpenVINO's reporting package unimportable in this process; call before OpenVINO is imported."""
    sys.modules.setdefault(_REPORTER, None)  # type: ignore[arg-type]  # None is how Python marks a module as not there
