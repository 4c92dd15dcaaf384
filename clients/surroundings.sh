# shellcheck shell=bash
# Sourced by every check: gives the client the surroundings of a fresh instance, and refuses to start it where
# the metadata address is not this namespace's own.
# Sets: mode (optional or required), here (the check's folder), clients (this folder), scratch (an empty folder).

set -euo pipefail

fail() {
    echo "${here##*/} (tokens $mode) FAILED: $*" >&2
    exit 1
}

mode=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
clients=$(dirname "$here")
[[ $mode == optional || $mode == required ]] || { echo "usage: $0 optional|required" >&2; exit 2; }
[[ $(grep -A1 -w '169\.254\.169\.254' /proc/net/fib_trie) == *'/32 host LOCAL'* ]] ||
    fail "169.254.169.254 is no address of this network namespace; run this check under 'imds run'"

. "$clients/environment.sh"
export PYTHONPATH=$clients NODE_PATH=$IMDS_CLIENTS/node_modules
debian=$IMDS_CLIENTS/debian

# The value that imds.toml promises for KEY.
expected() {
    "$python" "$clients/expected.py" "$1"
}

# equal WHAT GOT KEY
equal() {
    local want
    want=$(expected "$3")
    [[ $2 == "$want" ]] || fail "$1: the client got '$2', expected '$want'"
}

passed() {
    echo "${here##*/} (tokens $mode): $*"
}
