#!/bin/sh
# Runs after `npm ci` and `npm install`, and before `npm pack`: builds `pipe` where a source is newer than the build, and links it where
# `npx` finds it (npm links the bins of dependencies only).
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
# The pinned Node also under the name of npm's package `node`: what packs a checkout for a machine without npm takes it from there.
mkdir -p node_modules/node/bin
ln -f node_modules/node-linux-*/bin/node node_modules/node/bin/node
ln -sf ../node/bin/node node_modules/.bin/node
. scripts/stale.sh
[ -z "$stale" ] || node_modules/.bin/node node_modules/.bin/rolldown -c --log-level warn
# npm leaves both out of a package, and the bundles of an installed `pipe` need them (bundle/describe/sourceFile.ts).
cp package-lock.json dist/lock.json
cp .npmrc dist/npmrc
ln -sf ../../bin/pipe node_modules/.bin/pipe
