# shellcheck shell=bash
# Sourced by every check of the control API: services of the check's own on loopback, clients that reach nothing else,
# and cases that are counted.
# Sets: here (the check's folder), scratch, python, and once `serve` ran: metadata (the URL of its metadata).

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
cases=()
processes=()

# serve [OPTION...]: starts a service, in the place of the one before, that knows nothing yet but what a --state holds.
# Instances have addresses of loopback, so that they can call it from their own.
serve() {
    end
    local ready=$scratch/ready
    rm -f "$ready"
    mkfifo "$ready"
    "$IMDS" serve --listen 127.0.0.1:0 --admin 127.0.0.1:0 --vpc-cidr 127.0.0.0/8 --print-ready \
        "$@" >"$ready" 2>"$scratch/service.log" &
    service=$!
    local line=
    read -r -t 20 line <"$ready" || { cat "$scratch/service.log" >&2; fail "the service does not start: '$line'"; }
    [[ $line =~ ^\{\"listen\":\[\"([^\"]+)\"\],\"admin\":\"([^\"]+)\"\}$ ]] || fail "no ready line: '$line'"
    metadata=http://${BASH_REMATCH[1]}
    export AWS_ENDPOINT_URL=http://${BASH_REMATCH[2]} IMDS_METADATA=$metadata
}

# Ends the service. One that has ended by itself, or does not end well, is a failure.
end() {
    [[ $service ]] || return 0
    local told=$service
    service=
    kill "$told" && wait "$told" && return
    echo "FAILED: the service did not run until it was told to end, or did not end well" >&2
    return 1
}
trap 'result=$?; end || result=1; rm -rf "$scratch"; exit $result' EXIT

# guarded [OPTION...]: serves with a door that takes verified signatures only. It knows one key, that of $scratch/key,
# and clients sign with it from then on.
guarded() {
    "$IMDS" keys add --state "$scratch/state" --json >"$scratch/key"
    serve --auth sigv4 --state "$scratch/state" "$@"
    sign_with_file "$scratch/key"
}

# sign_with ID SECRET [TOKEN]: what clients sign with from then on.
sign_with() {
    export AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2 AWS_SESSION_TOKEN=${3:-}
    [[ $AWS_SESSION_TOKEN ]] || unset AWS_SESSION_TOKEN
}

# sign_with_file FILE [TOKEN]: with the keys in it, as `imds keys add` and AWS write them, and the token that is its
# member TOKEN.
sign_with_file() {
    sign_with "$(member AccessKeyId <"$1")" "$(member SecretAccessKey <"$1")" ${2:+"$(member "$2" <"$1")"}
}

# member NAME: that of the JSON that is read.
member() {
    "$python" -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# check WHAT FUNCTION [OPTION...]: a case. It has a service of its own, with these options, and a scratch folder; all
# cases run at once, and `summary` tells how they ended.
check() {
    cases+=("$1")
    (
        scratch=$scratch/${#cases[@]}
        mkdir "$scratch"
        service=
        trap 'result=$?; end || result=1; exit $result' EXIT
        serve "${@:3}"
        "$2"
    ) >"$scratch/${#cases[@]}.out" 2>&1 &
    processes+=($!)
}

# The end of a check: what its cases came to, and its status.
summary() {
    local index passed=0 failed=0
    for index in "${!cases[@]}"; do
        if wait "${processes[$index]}"; then
            passed=$((passed + 1))
            echo "pass  ${cases[$index]}"
        else
            failed=$((failed + 1))
            echo "FAIL  ${cases[$index]}"
            cat "$scratch/$((index + 1)).out" "$scratch/$((index + 1))/service.log" >&2
        fi
    done
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
