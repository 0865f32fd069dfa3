# shellcheck shell=bash
# The distributions in plugins/: each is tested in an environment made from its own lock, without huiyan.
# Sourced after locked.sh and parts.sh, which set `root`; bash 3.2 is enough.

# each_plugin: their names, one a line.
each_plugin() {
    local file
    for file in "$root"/plugins/*/pyproject.toml; do
        [ ! -f "$file" ] || basename "$(dirname "$file")"
    done
}

# prepare_plugins FOLDER: an environment for each in FOLDER/NAME; sets `plugin_environments`.
prepare_plugins() {
    local name lock
    plugin_environments=$1
    for name in $(each_plugin); do
        lock=$root/plugins/$name/requirements-dev.lock
        [ -f "$lock" ] || stop "$EXIT_REFUSED" "plugins/$name has no requirements-dev.lock. Run: just lock" \
            "plugins/$name 没有 requirements-dev.lock。请运行：just lock"
        prepare_locked "$plugin_environments/$name" "$lock" "the plugin $name" "插件 $name"
    done
}

# part_plugins [PYTEST_ARGUMENT…]: all of them, also after one has failed.
part_plugins() {
    local name status=0
    for name in $(each_plugin); do
        printf '\n-- plugins/%s\n' "$name"
        counted test_plugin "$name" "$@" || status=$?
    done
    return "$status"
}

test_plugin() {
    local name=$1
    shift
    (cd "$root/plugins/$name" && "$plugin_environments/$name/bin/python" -m pytest tests --durations=5 "$@")
}

# What of a plugin is type-checked: whatever of these it has.
types_of_plugins() {
    local name directory directories
    for name in $(each_plugin); do
        directories=()
        for directory in src tests benchmark; do
            [ ! -d "$root/plugins/$name/$directory" ] || directories+=("$directory")
        done
        (cd "$root/plugins/$name" && mypy --config-file ../mypy.ini "${directories[@]}") || return 1
    done
}
