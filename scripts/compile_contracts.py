"""Compile the contracts and write the artifacts that the Python package carries.

``ledger/chain/contracts/<Name>.json`` holds ABI, bytecode, deployed bytecode, compiler settings and the
SHA-256 of every source, so that the package needs no compiler; where the contract has an immutable, also the
offsets in the deployed bytecode at which its value stands on chain. ``--check`` compiles and compares instead
of writing, and exits 1 with the differing members. Needs the node tools (``npm ci --ignore-scripts``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "contracts"
ARTIFACTS = ROOT / "ledger" / "chain" / "contracts"
SHIM = ROOT / "scripts" / "solc-shim.js"

#: The same as foundry.toml and brownie-config.yaml; a test compares the bytecode of the three.
SETTINGS: dict[str, Any] = {
    "evmVersion": "london",
    "metadata": {"bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 200},
    "remappings": [],
}

#: The code that runs, and where the deployment writes the values of immutables into it.
RUNTIME = ("evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences")


def compile_sources() -> dict[str, Any]:
    """Run the pinned compiler over ``contracts/**/*.sol``; exits with its messages if it finds an error."""
    files = sorted(SOURCES.rglob("*.sol"))
    request = {
        "language": "Solidity",
        "sources": {str(file.relative_to(ROOT)): {"content": file.read_text()} for file in files},
        "settings": {
            **SETTINGS,
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", *RUNTIME]}},
        },
    }
    answer: dict[str, Any] = json.loads(run_compiler("--standard-json", stdin=json.dumps(request)))
    problems = [item["formattedMessage"] for item in answer.get("errors", ())]
    if problems:
        sys.exit("\n".join(problems))  # warnings too: the contracts compile without any
    return answer


def run_compiler(*arguments: str, stdin: str = "") -> str:
    """The standard output of the compiler behind ``scripts/solc-shim.js``."""
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "solc").is_dir():
        sys.exit("the compiler is not there: install Node 20 or newer and run `npm ci --ignore-scripts`")
    done = subprocess.run(
        [node, str(SHIM), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"the compiler failed: {done.stderr.strip()}")
    return done.stdout


def artifacts() -> dict[str, str]:
    """Name to file content of each artifact: one for each contract that stands directly in ``contracts/``."""
    output = compile_sources()["contracts"]
    version = run_compiler("--version").split("Version: ")[1].split(".Linux")[0]
    hashes = {
        str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(SOURCES.rglob("*.sol"))
    }
    made = {}
    for file in sorted(SOURCES.glob("*.sol")):
        path = str(file.relative_to(ROOT))
        compiled = output[path][file.stem]
        document = {
            "contract_name": file.stem,
            "source_name": path,
            "compiler": {"name": "solc", "version": version, "settings": SETTINGS},
            "sources": hashes,
            "abi": compiled["abi"],
            "bytecode": "0x" + compiled["evm"]["bytecode"]["object"],
            "deployed_bytecode": "0x" + compiled["evm"]["deployedBytecode"]["object"],
        }
        places = immutables(compiled["evm"]["deployedBytecode"]["immutableReferences"])
        if places:
            document["immutables"] = places
        made[file.stem] = json.dumps(document, indent=1) + "\n"
    return made


def immutables(references: dict[str, list[dict[str, int]]]) -> list[int]:
    """The offsets of the one immutable's 32-byte words in the deployed code, in order."""
    if len(references) > 1:
        sys.exit("the artifact has room for the places of one immutable")
    return sorted(place["start"] for places in references.values() for place in places)


def differences(name: str, expected: str) -> list[str]:
    """The members in which the committed artifact differs from ``expected``."""
    path = ARTIFACTS / f"{name}.json"
    if not path.is_file():
        return ["file (missing)"]
    committed, compiled = json.loads(path.read_text()), json.loads(expected)
    return [key for key in compiled if committed.get(key) != compiled[key]]


def main() -> int:
    """Write or check; 0 when all is as compiled."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files, write nothing"
    )
    check = parser.parse_args().check
    failed = False
    for name, content in artifacts().items():
        if check:
            differing = differences(name, content)
            failed = failed or bool(differing)
            print(f"{name}: {'differs in ' + ', '.join(differing) if differing else 'as compiled'}")
        else:
            ARTIFACTS.mkdir(parents=True, exist_ok=True)
            (ARTIFACTS / f"{name}.json").write_text(content)
            print(f"{name}: written")
    if failed:
        print(
            "the artifacts are not what the sources give: run `make contracts`",
            file=sys.stderr,
        )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
