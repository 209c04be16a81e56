#!/usr/bin/env bash
# The tests of pages drive a chromium: best its shell without a window, which opens a page in less than half the time.
# Install the distribution's where we may; where we may not, take what there is; where there is none, say so and go on: those
# tests are then skipped, each with its reason.
set -euo pipefail
found() { command -v "$1" >/dev/null; }
install() {
  [ "$(id -u)" = 0 ] && found apt-get && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1"
}

if found chromium-headless-shell; then exit 0; fi
if [ "$(id -u)" = 0 ] && found apt-get; then
  # Without a network this is over soon, and what there is will do.
  apt-get update -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=20 || true
fi
if install chromium-headless-shell; then exit 0; fi
for name in chromium chromium-browser google-chrome; do
  if found "$name"; then exit 0; fi
done
if install chromium; then exit 0; fi
cat >&2 <<'EOF'
************************************************************************************************
**  NO CHROMIUM ON THIS MACHINE, and this user may not install one.                             **
**  tests/portal IS LEFT OUT: the verification page is not tested in a browser.                 **
**  Install one (Debian: apt-get install chromium-headless-shell) and run `make test` again.    **
************************************************************************************************
EOF
