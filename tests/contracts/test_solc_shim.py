"""The compiler behind the native one's command line: what the tools ask of it, and nothing silently ignored."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.conftest import ROOT

pytestmark = pytest.mark.devnet

LIBRARY = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.37; library L {}"
CONTRACT = '// SPDX-License-Identifier: MIT\npragma solidity 0.8.37; import "lib/L.sol"; contract C {}'


def shim(*arguments: str, stdin: str = "", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    assert node is not None
    return subprocess.run(
        [node, str(ROOT / "scripts" / "solc-shim.js"), *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def project(node_tools: Path, tmp_path: Path) -> Path:
    (tmp_path / "packages" / "lib").mkdir(parents=True)
    (tmp_path / "packages" / "lib" / "L.sol").write_text(LIBRARY)
    return tmp_path


def request() -> str:
    wanted: dict[str, Any] = {"outputSelection": {"*": {"*": ["evm.bytecode.object"]}}}
    sources = {"C.sol": {"content": CONTRACT}}
    return json.dumps({"language": "Solidity", "sources": sources, "settings": wanted})


def test_the_version_line(node_tools: Path) -> None:
    said = shim("--version").stdout.splitlines()
    assert said[0] == "solc, the solidity compiler commandline interface"
    assert said[1].startswith("Version: 0.8.37+commit.")
    assert said[1].endswith(".Linux.g++")


def test_imports_from_an_include_path(project: Path) -> None:
    done = shim("--standard-json", "--include-path", "packages", stdin=request(), folder=project)
    answer = json.loads(done.stdout)
    assert "errors" not in answer
    assert answer["contracts"]["C.sol"]["C"]["evm"]["bytecode"]["object"]


def test_input_from_a_file(project: Path) -> None:
    (project / "input.json").write_text(request())
    done = shim("--standard-json", "input.json", "--base-path", "packages", folder=project)
    assert "errors" not in json.loads(done.stdout)


def test_a_missing_import_is_the_compilers_error(project: Path) -> None:
    answer = json.loads(shim("--standard-json", stdin=request(), folder=project).stdout)
    assert any("File not found: lib/L.sol" in item["message"] for item in answer["errors"])


def test_no_file_outside_the_allowed_paths(project: Path) -> None:
    (project.parent / "outside.sol").write_text(LIBRARY)
    source = CONTRACT.replace("lib/L.sol", str(project.parent / "outside.sol"))
    text = request().replace(json.dumps(CONTRACT), json.dumps(source))
    answer = json.loads(shim("--standard-json", stdin=text, folder=project).stdout)
    assert any("not found" in item["message"] for item in answer["errors"])
    allowed = shim("--standard-json", "--allow-paths", str(project.parent), stdin=text, folder=project)
    assert "errors" not in json.loads(allowed.stdout)


@pytest.mark.parametrize("arguments", [["--standard-json", "--via-ir"], ["--bin", "C.sol"], []])
def test_other_options_are_refused(node_tools: Path, arguments: list[str]) -> None:
    done = shim(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("solc-shim: ")
    assert done.stdout == ""
