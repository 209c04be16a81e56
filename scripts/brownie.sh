#!/usr/bin/env bash
# Brownie in its own environment, with a home, the pinned compiler and a free port for its chain:
#   scripts/brownie.sh test --network anvil
#   scripts/brownie.sh run deploy --network anvil
#   scripts/brownie.sh run deploy --network devnet-local     # a running devnet
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -x .venv-brownie/bin/brownie ] || [ ! -d node_modules/solc ]; then
  echo "Brownie's environment is not there: run scripts/setup-brownie.sh and npm ci --ignore-scripts" >&2
  exit 2
fi
export HOME="${POOLPROOF_BROWNIE_HOME:-$PWD/.venv-brownie/home}"
export SOLCX_BINARY_PATH="$PWD/.venv-brownie/solcx" SOLC_NPM_DIR="$PWD/node_modules/solc"
export PATH="$PWD/node_modules/.bin:$PATH"
if [ -z "${POOLPROOF_BROWNIE_PORT:-}" ]; then
  POOLPROOF_BROWNIE_PORT=$(.venv-brownie/bin/python -c \
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  export POOLPROOF_BROWNIE_PORT
fi
mkdir -p build
exec .venv-brownie/bin/brownie "$@"
