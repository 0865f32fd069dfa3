#!/bin/sh
# Random keys and passwords for compose.yaml, in secrets/ beside it. What is there stays as it is.
set -eu
folder=${1:-$(dirname "$0")/secrets}
umask 077
mkdir -p "$folder"
chmod 700 "$folder"

random() {
    od -An -N24 -tx1 /dev/urandom | tr -d ' \n'
}

# Whole or not at all; containers read the files by other users than the one who made them.
keep() { # NAME TEXT
    [ ! -e "$folder/$1" ] || return 0
    printf '%s\n' "$2" >"$folder/.$1.tmp"
    chmod 644 "$folder/.$1.tmp"
    mv "$folder/.$1.tmp" "$folder/$1"
}

keep admin-key "$(random)"
keep engine-key "$(random)"
keep postgres-password "$(random)"
keep grafana-password "$(random)"
keep valkey-password "$(random)"
valkey=$(cat "$folder/valkey-password")
keep valkey.conf "requirepass $valkey
save \"\"
appendonly no
maxmemory 128mb
maxmemory-policy noeviction"
keep huiyan.toml "[gateway.access]
database_url = \"postgresql://huiyan:$(cat "$folder/postgres-password")@postgres/huiyan\"
limits_url = \"valkey://:$valkey@valkey:6379/0\""
