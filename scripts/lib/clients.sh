# shellcheck shell=bash
# The clients that tests/clients runs against the gateway: LangChain and llm in a Python environment of
# their own, OpenAI's SDK for JavaScript beside its program. Sourced after locked.sh and
# parts.sh; bash 3.2 is enough.

# prepare_clients FOLDER: make the environment there unless it is what the lock says; exports
# TEST_HUIYAN_CLIENTS. Needs `use_environment` first, for npm.
prepare_clients() {
    prepare_locked "$1" "$root/requirements-clients.lock" "other people's clients" "其他客户端"
    install_javascript_client
    TEST_HUIYAN_CLIENTS=$1
    export TEST_HUIYAN_CLIENTS
}

# As npm's own record of what is installed is newer than the lock, there is nothing to do.
install_javascript_client() (
    cd "$root/tests/clients/js"
    [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --no-audit --no-fund
)
