#!/usr/bin/env bash
# Brownie's own environment, .venv-brownie, from uv.lock: it pins 83 packages and cannot share one with the
# development tools. Built from source without compiled modules (BROWNIE_LIB, BROWNIE_NOCOMPILE): the compiled
# wheel crashes on `networks.default` and on coverage. Costs a second when it is there already.
set -euo pipefail
cd "$(dirname "$0")/.."
export UV_PROJECT_ENVIRONMENT=.venv-brownie BROWNIE_LIB=1 BROWNIE_NOCOMPILE=1
uv=.venv/bin/uv
[ -x "$uv" ] || uv=uv
"$uv" sync --quiet --frozen --extra contracts --no-default-groups --no-install-project \
  --no-binary-package eth-brownie

# py-solc-x looks for compilers by file name; the shim puts the one of node_modules behind that name.
mkdir -p .venv-brownie/home/.vvm .venv-brownie/solcx
cp scripts/solc-shim.js .venv-brownie/solcx/solc-v0.8.37
chmod +x .venv-brownie/solcx/solc-v0.8.37

# A running devnet (`poolproof devnet start` or `scripts/devnet.py start`) as a network of its own.
if ! grep -qs devnet-local .venv-brownie/home/.brownie/network-config.yaml; then
  scripts/brownie.sh networks add live devnet-local host=http://127.0.0.1:8545 chainid=31337 > /dev/null
fi
