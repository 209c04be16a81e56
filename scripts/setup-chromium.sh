#!/usr/bin/env bash
# The tests of pages drive a chromium. Install the distribution's where we may; where we may not, say so and go on: those
# tests are then skipped, each with its reason.
set -euo pipefail
for name in chromium chromium-browser google-chrome; do
  if command -v "$name" >/dev/null; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; then
    exit 0
  fi
fi
cat >&2 <<'EOF'
************************************************************************************************
**  NO CHROMIUM ON THIS MACHINE, and this user may not install one.                             **
**  tests/portal IS LEFT OUT: the verification page is not tested in a browser.                 **
**  Install one (Debian: apt-get install chromium) and run `make test` again.                   **
************************************************************************************************
EOF
