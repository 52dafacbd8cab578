"""``apf wrapper build``."""

import subprocess
import sys
from pathlib import Path

import pytest

from autopyfactory.bundle import wrapper_bytes

APF = [sys.executable, "-c", "from autopyfactory.cli import main; main()", "wrapper", "build"]


@pytest.mark.parametrize(
    ("options", "name"), [([], "wrapper"), (["-o", "w"], "w"), (["--output", "folder"], "folder/wrapper")]
)
def test_it_writes_one_executable_file(options: list[str], name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    done = subprocess.run([*APF, *options], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"wrote {name}" in done.stdout
    assert (tmp_path / name).read_bytes() == wrapper_bytes()
    ran = subprocess.run([tmp_path / name, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == "3.0\n"


def test_it_writes_to_stdout(tmp_path: Path) -> None:
    done = subprocess.run([*APF, "-o", "-"], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == wrapper_bytes()


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [*APF, "-o", "absent/wrapper"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "absent/wrapper cannot be written: No such file or directory" in done.stderr
