# shellcheck shell=bash
# Sourced by every check of the control API: a service of the check's own on loopback, clients that reach nothing else,
# and cases, each of which starts with a fresh service and is counted.
# Sets: here (the check's folder), scratch, python, and once `serve` ran: metadata (its address as a URL), admin.

set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[[ -x ${IMDS:-} ]] || { echo "IMDS must name the binary to check" >&2; exit 1; }
IMDS=$(realpath "$IMDS")
. "$here/../../environment.sh"

# Whoever forgets the endpoint, or looks for credentials, finds nothing.
export AWS_EC2_METADATA_DISABLED=true AWS_ENDPOINT_URL=http://127.0.0.1:9
export AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY=example AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1
export PYTHONPATH=$here/..

service=
passed=0
failed=0

# serve: starts a service that knows nothing yet, in the place of the one before. Instances have addresses of loopback,
# so that they can call it from their own.
serve() {
    end
    local ready=$scratch/ready
    rm -f "$ready"
    mkfifo "$ready"
    "$IMDS" serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --vpc-cidr 127.0.0.0/8 --print-ready \
        >"$ready" 2>"$scratch/service.log" &
    service=$!
    local line=
    read -r -t 20 line <"$ready" || { cat "$scratch/service.log" >&2; fail "the service does not start: '$line'"; }
    metadata=$("$python" -c 'import json, sys; print("http://" + json.loads(sys.argv[1])["listen"][0])' "$line")
    admin=$("$python" -c 'import json, sys; print("http://" + json.loads(sys.argv[1])["admin"])' "$line")
    export AWS_ENDPOINT_URL=$admin IMDS_METADATA=$metadata
}

# Ends the service.
end() {
    [[ $service ]] || return 0
    kill "$service" 2>/dev/null || true
    wait "$service" || true
    service=
}
trap 'end; rm -rf "$scratch"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# check WHAT COMMAND...: one case, with a service of its own; the next one runs whether or not this one fails.
check() {
    local status=0
    serve
    set +e
    (
        set -e
        trap - EXIT
        "${@:2}"
    )
    status=$?
    set -e
    if [[ $status == 0 ]]; then
        passed=$((passed + 1))
        echo "pass  $1"
    else
        failed=$((failed + 1))
        echo "FAIL  $1"
        tail -n 5 "$scratch/service.log" >&2
    fi
}

# The last line of a check, and its status.
summary() {
    end
    echo "$passed passed, $failed failed"
    [[ $failed == 0 && $passed != 0 ]]
}

# equal WHAT GOT WANT
equal() {
    [[ $2 == "$3" ]] || fail "$1: got '$2', expected '$3'"
}

# status ADDRESS PATH [TOKEN]: the status that the instance at ADDRESS is answered; the body goes to $scratch/body.
status() {
    local token=()
    [[ -z ${3:-} ]] || token=(-H "X-aws-ec2-metadata-token: $3")
    curl -s --max-time 10 -o "$scratch/body" -w '%{http_code}' --interface "$1" "${token[@]}" "$metadata/latest/$2"
}

# read_as ADDRESS PATH [TOKEN]: the body of an answer that must be 200.
read_as() {
    equal "GET $2 from $1" "$(status "$@")" 200
    cat "$scratch/body"
}

# token ADDRESS: a session token of the instance at ADDRESS.
token() {
    curl -sf --max-time 10 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' --interface "$1" \
        "$metadata/latest/api/token"
}
