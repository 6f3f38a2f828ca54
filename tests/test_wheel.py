"""What is installed elsewhere is what lies here: a wheel holds every file of the package."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
BESIDE = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def test_the_wheel_holds_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "source"
    leave = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "tfnz_jupyter", source / "tfnz_jupyter", ignore=leave)
    package = [path for path in source.rglob("*") if path.is_file()]
    for name in BESIDE:
        shutil.copy(ROOT / name, source)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        tmp_path,
    ]
    subprocess.run([*build, source], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    assert {str(path.relative_to(source)) for path in package} - set(held) == set()
