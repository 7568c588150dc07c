# Sourced with `root` set. Sets `stale` to a source that is newer than the build, or to nothing where the build is up to date.
# Folders count, since a removed file changes only its folder; except `executors`, where Python writes its caches during jobs.
# Neither Python nor the stages' lock is part of the build.
stale=$(
  cd "$root" || exit
  if ! [ -e dist/pipe.js ]; then echo dist/pipe.js; exit; fi
  find bin bundle publish report scan pipelines stages kinds tasks stats cache executors remote schemas scripts/packageLicenses.ts rolldown.config.ts package.json package-lock.json \
    -newer dist/pipe.js ! -path executors ! -name __pycache__ ! -name '*.py*' ! -name '*.lock.json' -print -quit
)
