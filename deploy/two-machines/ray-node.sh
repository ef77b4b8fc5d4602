#!/usr/bin/env bash
# Start Ray on this machine.  On the first:   ray-node.sh
#                             On the others:  ray-node.sh ADDRESS-OF-THE-FIRST
# What else is given goes to `ray start`, such as --num-cpus=6.
set -euo pipefail

port=6379
ports=( # fixed, so that a firewall can let them through: README.md
    --object-manager-port=6380
    --node-manager-port=6381
    --dashboard-agent-grpc-port=6382
    --dashboard-agent-listen-port=6383
    --metrics-export-port=6384
    --runtime-env-agent-port=6385
    --min-worker-port=20000
    --max-worker-port=20999
)
export RAY_AUTH_MODE=token # without a token nothing starts, in place of a cluster open to everybody
token=${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}

if [ $# -gt 0 ] && [[ $1 != -* ]]; then
    first=$1
    shift
    if [ ! -s "$token" ] && [ -z "${RAY_AUTH_TOKEN:-}" ]; then
        echo "No token here. On the first machine:  scp $token $(hostname):$token" >&2
        exit 1
    fi
    ray start --address="$first:$port" "${ports[@]}" --disable-usage-stats "$@"
else
    if [ ! -s "$token" ] && [ -z "${RAY_AUTH_TOKEN:-}" ]; then
        ray get-auth-token --generate >/dev/null
    fi
    if [ -e "$token" ]; then chmod 600 "$token"; fi
    ray start --head --port="$port" "${ports[@]}" --include-dashboard=false --disable-usage-stats "$@"
    echo "On the other machines:  ray-node.sh $(hostname -I | cut -d ' ' -f 1)"
fi
