# shellcheck shell=bash
# Sourced by both surroundings.sh: a client sees nothing of the environment and the home of whoever started its check.
# Sets: IMDS_CLIENTS (absolute), scratch (an empty folder, removed at the end), python.

[[ -d ${IMDS_CLIENTS:-} ]] || { echo "IMDS_CLIENTS must name the folder that clients/install filled" >&2; exit 1; }

# No profile, endpoint, certificate bundle or proxy.
for name in $(compgen -e); do
    case ${name,,} in
        aws_* | boto_* | http_proxy | https_proxy | all_proxy | python* | node_options | tf_*) unset "$name" ;;
    esac
done

IMDS_CLIENTS=$(cd "$IMDS_CLIENTS" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME=$scratch LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
python=$IMDS_CLIENTS/venv/bin/python
