#!/usr/bin/env bash
# Compiles one executable: the program and the entry point of its worker thread.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1
entries=(src/main.ts)
[ ! -e src/daemon/key-exchange-worker.ts ] || entries+=(src/daemon/key-exchange-worker.ts)
mkdir -p "$(dirname "$out")"
# Nothing beside the executable may change what it does: no .env, no bunfig.toml of the folder.
node_modules/.bin/bun build --compile --minify --bytecode --no-compile-autoload-dotenv \
  --no-compile-autoload-bunfig --outfile "$out.new" "${entries[@]}"
mv "$out.new" "$out"
