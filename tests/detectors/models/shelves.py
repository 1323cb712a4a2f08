"""A catalogue with one small model in it."""

from __future__ import annotations

from detectors.models.about import About
from detectors.models.filing import Shelf, file_own
from tests.support.networks import make_mean_onnx

ABOUT = About.model_validate(
    {
        "title": "Means of colours",
        "licence": "CC0-1.0",
        "training": "none: it computes",
        "split": "nothing was learnt",
        "limits": ["means only"],
        "data": [{"name": "none", "licence": "CC0-1.0", "attribution": "nobody", "where": "nowhere"}],
    }
)


def file_means(catalogue, *, version="1", **options):
    """File a model that a colleague might have sent, and return its card."""
    path = catalogue.parent / "sent.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_mean_onnx())
    return file_own(path, ABOUT, Shelf(catalogue, "means", version), **options)
