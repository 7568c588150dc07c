# For whoever has set `root`: `stale` is a source that is newer than the bundle; nothing where the bundle is up to date.
# Folders count, too: taking a file away changes nothing else; but `executors`, where Python puts its caches when jobs run.
# Neither Python nor the stages' lock is in the bundle.
stale=$(
  cd "$root" || exit
  if ! [ -e dist/pipe.js ]; then echo dist/pipe.js; exit; fi
  find bin bundle pipelines stages tasks stats cache executors schemas rolldown.config.ts package.json package-lock.json \
    -newer dist/pipe.js ! -path executors ! -name __pycache__ ! -name '*.py*' ! -name '*.lock.json' -print -quit
)
