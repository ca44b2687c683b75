#!/usr/bin/env bash
# Compiles one executable: the program and the entry points of its worker threads.
#   compile.sh OUT [TARGET]   for this machine, or for bun-linux-arm64, bun-linux-x64-musl …
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1
mkdir -p "$(dirname "$out")"
# No file beside the executable may change what it does: no .env, no bunfig.toml in the folder.
node_modules/.bin/bun build --compile --minify --bytecode --no-compile-autoload-dotenv \
  --no-compile-autoload-bunfig ${2:+--target="$2"} --outfile "$out.new" src/main.ts \
  src/daemon/key-exchange-worker.ts src/daemon/signature-worker.ts
mv "$out.new" "$out"
