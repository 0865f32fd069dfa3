# shellcheck shell=bash
# Package mirrors. pip and npm read their own variables; uv does not read pip's, so they are
# translated. What is set for uv itself always wins. Sourced; bash 3.2 is enough.

# honour_mirrors PYTHON: PYTHON may be empty; its pip, if any, is asked for its configured index.
honour_mirrors() {
    local index=${PIP_INDEX_URL:-}
    if [ -z "$index" ] && [ -n "$1" ] && ! has_uv_configuration; then
        # `pip config set global.index-url …` is how most people set a mirror.
        index=$("$1" -m pip config get global.index-url 2>/dev/null) || index=
    fi
    if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        export UV_DEFAULT_INDEX="$index"
    fi
    if [ -n "${PIP_EXTRA_INDEX_URL:-}" ] && [ -z "${UV_INDEX:-}${UV_EXTRA_INDEX_URL:-}" ]; then
        export UV_INDEX="$PIP_EXTRA_INDEX_URL"
        # pip looks at all indexes together. The hashes in the lock keep that safe.
        export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"
    fi
    if [ -n "${PIP_FIND_LINKS:-}" ] && [ -z "${UV_FIND_LINKS:-}" ]; then
        export UV_FIND_LINKS="${PIP_FIND_LINKS// /,}"
    fi
    if [ -n "${PIP_NO_INDEX:-}" ] && [ -z "${UV_NO_INDEX:-}" ]; then export UV_NO_INDEX=1; fi
    if [ -n "${PIP_CERT:-}" ] && [ -z "${SSL_CERT_FILE:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi
    trust_system_certificates
    if [ -n "${PIP_TRUSTED_HOST:-}" ] && [ -z "${UV_INSECURE_HOST:-}" ]; then
        export UV_INSECURE_HOST="$PIP_TRUSTED_HOST"
    fi
    # The other way round: pip fetches uv itself where it is missing.
    if [ -z "${PIP_INDEX_URL:-}" ] && [ -n "${UV_DEFAULT_INDEX:-${UV_INDEX_URL:-}}" ]; then
        index=${UV_DEFAULT_INDEX:-$UV_INDEX_URL}
        case "$index" in
        *://*=*) ;;                        # an address with a query
        *=*://*) index=${index#*=} ;;      # uv allows NAME=ADDRESS
        esac
        export PIP_INDEX_URL="$index"
    fi
}

# Is an index chosen in uv's own files? Then pip's file has no say.
has_uv_configuration() {
    [ -f "${XDG_CONFIG_HOME:-$HOME/.config}/uv/uv.toml" ] || [ -f /etc/uv/uv.toml ]
}

# uv trusts a list of its own, pip and browsers what the system knows: a company's proxy, for one.
# A bare container has no such list, and there uv's own has to do.
trust_system_certificates() {
    local list
    for list in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        if [ -s "$list" ]; then
            export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
            return
        fi
    done
}
