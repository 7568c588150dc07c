#!/bin/sh
# After `npm install`: build the bundle and put `pipe` where `npx` finds it (npm links the bins of dependencies, not one's own).
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
node_modules/.bin/node node_modules/.bin/rolldown -c --log-level warn
ln -sf ../../bin/pipe node_modules/.bin/pipe
