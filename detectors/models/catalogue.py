"""Find a model by name and version in a folder or an object store, or by the path of a file, and prove it is that one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from detectors.models.card import read_card
from detectors.runtimes.metadata import read_network, read_onnx_properties, read_yaml
from schemas.canonical import to_digest, to_sha256
from schemas.errors import FatalFault, RejectedInput
from schemas.result import ModelRef

if TYPE_CHECKING:
    from detectors.models.card import Card
    from detectors.runtimes.base import Precision
    from detectors.runtimes.metadata import Network

#: Bytes under a key such as ``demo-aquarium/1/card.json``; raises ``FileNotFoundError``, or RejectedInput, where there are none.
ReadBytes = Callable[[str], bytes]

#: The models that come with the package.
SHIPPED_FOLDER = Path(__file__).parent / "catalogue"
_NAMED = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{0,62})@(?P<version>[A-Za-z0-9][A-Za-z0-9._-]{0,63})")
_METADATA_FILE = "metadata.yaml"
#: A model without a name is known by the first digits of its digest.
_SHORT_DIGEST = 12

Form = Literal["openvino", "onnx", "torch"]


@dataclass(frozen=True)
class Model:
    """A model's bytes, proven, and what it says of itself.

    Attributes
    ----------
    form
        ``openvino`` (XML and weights), ``onnx``, or ``torch`` (a ``.pt`` file, which needs the ``train`` extra).
    data, weights
        Bytes of the XML, ONNX or ``.pt`` file; of the XML's ``.bin``.
    network
        ``None`` for ``torch``: only loading the weights tells.
    path
        Where a ``torch`` model is: its vendor reads files only.
    card
        ``None`` for a file of the user's own.
    """

    name: str
    version: str
    sha256: str
    provenance: Literal["user", "demonstration"]
    form: Form
    data: bytes
    weights: bytes | None = None
    network: Network | None = None
    path: Path | None = None
    card: Card | None = None

    def to_ref(self, *, role: str, precision: Precision, network: Network) -> ModelRef:
        """Return the reference that results made with this model carry."""
        return ModelRef(
            role=role,
            name=self.name,
            version=self.version,
            sha256=self.sha256,
            task=network.task,
            precision=precision,
            input_px=network.input_px,
            provenance=self.provenance,
        )


def read_folder(root: Path) -> ReadBytes:
    """Return a reader of the files under a catalogue folder."""
    return lambda key: (root / key).read_bytes()


def split_spec(spec: str) -> tuple[str, str] | None:
    """Return name and version of ``name@version``, or ``None`` for the path of a file."""
    named = _NAMED.fullmatch(spec)
    return None if named is None else (named["name"], named["version"])


def open_model(spec: str, places: tuple[ReadBytes, ...] = ()) -> Model:
    """Return the model ``name@version`` of a catalogue, or the one in a file or folder of the user's own.

    Parameters
    ----------
    spec
        ``demo-aquarium@1``; or a path of an ``.onnx``, ``.xml`` or ``.pt`` file, or of a folder holding one ``.xml``.
    places
        Catalogues to look in, in this order, before the one that comes with the package.

    Raises
    ------
    FatalFault
        If there is none, its digest is not the card's, or it does not say what it is for.
    """
    named = split_spec(spec)
    if named is None:
        return read_model_file(Path(spec))
    name, version = named
    for place in (*places, read_folder(SHIPPED_FOLDER)):
        data = read_if_there(place, f"{name}/{version}/card.json")
        if data is not None:
            return _read_catalogued(place, read_card(data, name=name, version=version))
    message = f"No catalogue has the model {name}@{version} (a card {name}/{version}/card.json was looked for)."
    raise FatalFault(message)


def read_model_file(path: Path) -> Model:
    """Return a model of the user's own, without a card: named after its file, versioned by its digest.

    Raises
    ------
    FatalFault
        If there is no such file, or it does not say what it is for.
    """
    if path.is_dir():
        found = sorted(path.glob("*.xml"))
        if len(found) != 1:
            message = f"The folder {path.name} holds {len(found)} .xml files; a model is one."
            raise FatalFault(message)
        path = found[0]
    data = _read_file(path)
    if path.suffix == ".pt":
        digest = to_sha256(data)
        return Model(to_model_name(path), digest[:_SHORT_DIGEST], digest, "user", "torch", data=b"", path=path)
    if path.suffix == ".onnx":
        return _make_onnx(data, name=to_model_name(path))
    if path.suffix == ".xml":
        weights = _read_file(path.with_suffix(".bin"))
        metadata = _read_file(path.parent / _METADATA_FILE)
        return _make_ir(data, weights, metadata, name=to_model_name(path))
    message = f"{path.name} is no model file: .xml (OpenVINO), .onnx and .pt are, and name@version of a catalogue."
    raise FatalFault(message)


def digest_ir(xml: bytes, weights: bytes) -> str:
    """Return the digest of OpenVINO IR: over the digests of its two files."""
    return to_digest({"bin": to_sha256(weights), "xml": to_sha256(xml)})


def _read_catalogued(place: ReadBytes, card: Card) -> Model:
    folder = f"{card.name}/{card.version}"
    data = _read_member(place, folder, card.model)
    if card.weights is None:
        model = _make_onnx(data, name=card.name)
    else:
        weights = _read_member(place, folder, card.weights)
        metadata = _read_member(place, folder, card.metadata or _METADATA_FILE)
        model = _make_ir(data, weights, metadata, name=card.name)
    if model.sha256 != card.sha256:
        message = (
            f"The model {card.name}@{card.version} is not the one its card describes: "
            f"its digest is {model.sha256[:16]}..., the card's {card.sha256[:16]}..."
        )
        raise FatalFault(message)
    if model.network is None or model.network.labels != card.classes:
        message = f"The classes of the model {card.name}@{card.version} are not those on its card."
        raise FatalFault(message)
    return Model(
        card.name, card.version, model.sha256, card.provenance, model.form,
        data=model.data, weights=model.weights, network=model.network, card=card,
    )  # fmt: skip


def _make_ir(xml: bytes, weights: bytes, metadata: bytes, *, name: str) -> Model:
    digest = digest_ir(xml, weights)
    network = read_network(read_yaml(metadata))
    return Model(name, digest[:_SHORT_DIGEST], digest, "user", "openvino", xml, weights, network)


def _make_onnx(data: bytes, *, name: str) -> Model:
    digest = to_sha256(data)
    network = read_network(read_onnx_properties(data))
    return Model(name, digest[:_SHORT_DIGEST], digest, "user", "onnx", data, network=network)


def read_if_there(place: ReadBytes, key: str) -> bytes | None:
    """Return the bytes under a key of a catalogue, or ``None`` where there are none."""
    try:
        return place(key)
    except (FileNotFoundError, NotADirectoryError, KeyError, RejectedInput):
        return None


def _read_member(place: ReadBytes, folder: str, name: str) -> bytes:
    data = None if re.search(r"[/\\]|^\.", name) else read_if_there(place, f"{folder}/{name}")
    if data is None:
        message = f"The model file {folder}/{name}, which its card names, is not there."
        raise FatalFault(message)
    return data


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"The model file {path.name} cannot be read: {error.strerror or type(error).__name__}."
        raise FatalFault(message) from error


def to_model_name(path: Path) -> str:
    """Return a catalogue-like name made from a file's: lower case, anything else a hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:63] or "model"
