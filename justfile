# `just` checks and tests; `just --list` shows the rest. Recipes run in .venv, made by `just env`.

set positional-arguments

# Everything that CI does, against the sources
default: check test

# Make the development environment: locked packages, huiyan editable, the page built
env:
    uv venv --clear .venv
    uv pip install --python .venv --require-hashes --requirements requirements-dev.lock
    uv pip install --python .venv --no-deps --no-build-isolation --editable .
    .venv/bin/pre-commit install --install-hooks || true

# Lint, types, import order, generated files, the page's own checks and tests
check:
    scripts/check.sh lint types imports generated web

# Python tests; words after the recipe go to pytest: just test -k relay
test *words:
    scripts/check.sh unit contract clients deploy fuzz plugins e2e chaos -- "$@"

# The fast tests alone
quick *words:
    scripts/check.sh unit contract -- -m "not slow" "$@"

# The tests of the tools in plugins/, each in an environment of its own
plugins *words:
    scripts/check.sh plugins -- "$@"

# Browser tests
e2e *words:
    scripts/check.sh e2e -- "$@"

# Fuzz for long, new each time: examples for each property; words after them go to pytest
fuzz examples="5000" *words:
    examples="$1"; shift; TEST_HUIYAN_FUZZ_EXAMPLES="$examples" scripts/check.sh fuzz -- "$@"

# Kill processes of the model store at that many random system calls and moments
store-kills points="500" *words:
    points="$1"; shift; TEST_HUIYAN_STORE_KILLS="$points" scripts/check.sh chaos -- -k store_kills "$@"

# Two replicas on a real Ray of this machine: kills, scaling; minutes, and Ray's environment from the index
cluster-test *words:
    TEST_HUIYAN_CLUSTER=1 .venv/bin/python -m pytest -q tests/cluster "$@"

# Cut hosts (network namespaces: root) off from each other in the middle of streams; minutes, and a table
partitions *words:
    PYTHONPATH=src .venv/bin/python -m bench.scale.partition_table "$@"

# Kill updates of every kind of component at that many calls of the file system
update-kills points="250" *words:
    points="$1"; shift; TEST_HUIYAN_UPDATE_KILLS="$points" scripts/check.sh chaos -- -k update_kinds_kills "$@"

# Kill a restore at every call of the file system
restore-kills *words:
    TEST_HUIYAN_RESTORE_KILLS=1 scripts/check.sh unit -- -k restore_kills "$@"

# Kill the launcher at that many moments of full upgrades, and what they do to the disk at every call
upgrade-kills points="100" *words:
    points="$1"; shift; TEST_HUIYAN_UPGRADE_KILLS="$points" scripts/check.sh chaos -- -k full_upgrade_kills "$@"

# Half an hour of streams; memory has to stay within 5 %
soak *words:
    .venv/bin/python -m bench.gateway.soak "$@"

# Repair what a tool can repair
fix:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# The gateway with nano, and Vite in front of it with hot reload
dev:
    scripts/dev.sh

# Write generated files anew: OpenAPI document, the page's types
gen:
    scripts/generate.sh

# The wheel, in dist/
wheel:
    uv build --wheel --python .venv --build-constraints requirements-build.lock --require-hashes

# All that a release consists of, built and checked as .github/workflows/release.yml does; in dist/release/
release-check *words:
    scripts/release_check.sh "$@"

# Lock files from pyproject.toml; `just lock --upgrade` takes newer versions
lock *words:
    scripts/lock.sh "$@"

# Measure: just bench gateway
bench name *words:
    .venv/bin/python -m bench."$@"
