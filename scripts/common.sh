# Sourced by the set-up scripts: where things are, how they speak, one at a time.
# shellcheck shell=bash

RUNBOOK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
RUNBOOK_MADE="$RUNBOOK_ROOT/.runbook"
RUNBOOK_VENV="$RUNBOOK_MADE/venv"
export RUNBOOK_ROOT RUNBOOK_MADE RUNBOOK_VENV

say() { printf '%s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Two runs at once (make demo beside make test) must not build the same thing twice.
one_at_a_time() {
    mkdir -p "$RUNBOOK_MADE"
    exec 9>"$RUNBOOK_MADE/$1.lock"
    flock --timeout 1800 9 || die "another run of $1 has not finished for 30 minutes."
}

is_root_on_debian() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null
}

# Quiet unless it fails: then the log says why.
quietly() {
    local log="$RUNBOOK_MADE/$1.log"
    shift
    mkdir -p "$RUNBOOK_MADE"
    "$@" >"$log" 2>&1 </dev/null 9>&- || {
        tail -n 25 "$log" >&2
        die "failed: $* (all of it: $log)"
    }
}

apt_install() {
    say "Installing with apt: $*"
    quietly apt-update apt-get update -qq
    DEBIAN_FRONTEND=noninteractive quietly apt-install \
        apt-get install --yes -qq --no-install-recommends "$@"
}

engine_answers() {
    timeout 15 docker info >/dev/null 2>&1 9>&-
}
