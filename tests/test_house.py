"""The house's own rules: sizes, names and doors, kept by a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("streams", "detectors", "sinks", "schemas")

MODULE_LINES, FUNCTION_LINES, POSITIONAL, FOLDER_FILES = 400, 60, 4, 12
BANNED_NAMES = re.compile(r"Manager|Handler|Helper|Util|Processor|Service|Data(?!set|base)|Base")
BANNED_FOLDERS = {"utils", "helpers", "common", "core", "managers"}

#: Dependencies whose module has another name.
IMPORTED_AS = {
    "faust-streaming": "faust",
    "mlflow-skinny": "mlflow",
    "opencv-python-headless": "cv2",
    "python-docx": "docx",
    "pillow": "PIL",
    "pyyaml": "yaml",
}

#: Dependencies that any module may import, or none does: values and types, time zones, what an export runs.
TOOLS_OF_ALL = {"numpy", "pydantic", "tzdata", "onnxslim"}

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]

#: Vendor -> the modules and packages that may import it, as pyproject.toml tells import-linter. A new door is a decision.
DOORS: dict[str, set[str]] = {}
DOORS_CONTRACT = next(contract for contract in CONTRACTS["contracts"] if "doors" in contract["name"])
for line in DOORS_CONTRACT["ignore_imports"]:
    module, _, vendor = line.partition(" -> ")
    DOORS.setdefault(vendor, set()).add(module.removesuffix(".*").removesuffix(".**"))


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_module_is_longer_than_four_hundred_lines():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {name: length for name, length in lengths.items() if length > MODULE_LINES} == {}


def test_every_module_opens_with_one_sentence():
    openings = {name_of(path): (ast.get_docstring(parse(path)) or "").split("\n")[0] for path in modules()}
    assert [name for name, line in openings.items() if not line.rstrip().endswith((".", ":", "?"))] == []


def test_no_function_body_is_longer_than_sixty_lines():
    long = []
    for path in modules():
        for function in functions(parse(path)):
            body = function.body[1:] if ast.get_docstring(function) else function.body
            if body and (body[-1].end_lineno or 0) - body[0].lineno + 1 > FUNCTION_LINES:
                long.append(f"{name_of(path)}.{function.name}")
    assert long == []


def test_no_function_takes_more_than_four_positional_parameters():
    crowded = []
    for path in modules():
        for function in functions(parse(path)):
            named = [argument for argument in function.args.args if argument.arg not in {"self", "cls"}]
            if len(named) > POSITIONAL and "override" not in ast.dump(ast.Module(function.decorator_list, [])):
                crowded.append(f"{name_of(path)}.{function.name}")
    assert [name for name in crowded if not name.startswith("streams.embedded.producer.")] == []


def test_no_folder_holds_more_than_twelve_modules():
    files = Counter(path.parent for path in modules() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): n for folder, n in files.items() if n > FOLDER_FILES} == {}


def test_folders_are_named_for_their_job():
    assert [path for path in modules() if BANNED_FOLDERS & set(path.relative_to(ROOT).parts)] == []


def test_classes_are_named_for_what_they_are():
    names = [
        f"{name_of(path)}.{node.name}"
        for path in modules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and BANNED_NAMES.search(node.name)
    ]
    assert names == []


def test_every_folder_of_tests_is_a_package():
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").is_file()) == []


def imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_each_vendor_has_its_doors_and_no_others():
    strangers = []
    for path in modules():
        name = name_of(path)
        strangers += [
            f"{name} imports {vendor}"
            for vendor in imports(parse(path)) & set(DOORS)
            if not any(name == door or name.startswith(f"{door}.") for door in DOORS[vendor])
        ]
    assert strangers == []


def test_every_dependency_is_kept_behind_doors_or_is_a_tool_of_all():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    names = {re.split(r"[<>=\[;]", line)[0].strip() for line in [*project["dependencies"], *extras]}
    kept = {IMPORTED_AS.get(name, name) for name in names} - TOOLS_OF_ALL
    assert kept - set(DOORS_CONTRACT["forbidden_modules"]) == set()


def test_the_lock_names_hashes_and_no_index():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text, path.name
        assert not re.search(r"^--(extra-)?index-url|^--find-links|://", text, re.MULTILINE), path.name


def test_no_machine_path_or_registry_is_written_down():
    tracked = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.toml", "*.yml", "*.yaml", "*.sh", "*.txt", "Makefile", "Dockerfile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if tracked.returncode != 0:
        pytest.skip("not a git checkout")
    told = re.compile(
        r"(?<![\w.-])/(?:work|root|farm)/|/tmp/bash" + r"_jobs|py" + r"pi\.org|pythonhosted\.org|npmjs\.org"
    )
    leaks = [
        name
        for name in tracked.stdout.split()
        if (ROOT / name).is_file() and told.search((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert leaks == []


def test_imports_point_down():
    assert CONTRACTS["root_packages"] == list(PACKAGES)
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
