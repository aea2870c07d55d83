#!/usr/bin/env bash
# Installs on Debian, as root, the programs that some tests start: backends and languages of the services behind the
# turnstile, nginx, Redis and PostgreSQL for the catalogue, and a browser for the pages of reports. Starts nothing. Whatever
# is absent afterwards, those tests are skipped and say so; it is therefore never a failure, only a line.
set -uo pipefail

say() { printf '\n== %s\n' "$*" >&2; }

initdb() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }

wanted=()
for program in redis-server pgbouncer python3 chromium; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || wanted+=("$program")
done
command -v node >/dev/null || wanted+=(nodejs)
PATH=$PATH:/usr/sbin command -v nginx >/dev/null || wanted+=(nginx-light)
initdb || wanted+=(postgresql)
((${#wanted[@]})) || exit 0

if [[ ! -e /etc/debian_version ]] || ! command -v apt-get >/dev/null; then
    say "not there, and this is not Debian: ${wanted[*]}; tests that need them are skipped"
    exit 0
fi
if ((EUID != 0)); then
    say "not there: ${wanted[*]}; tests that need them are skipped (as root: apt-get install --no-install-recommends ${wanted[*]})"
    exit 0
fi

say "Debian packages: ${wanted[*]}"
# No server is to be started by being installed.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt=(apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60)
install=("${apt[@]}" install -y --no-install-recommends "${wanted[@]}")
# Lists that are there may do; fetching them takes longer than the packages.
if ! "${install[@]}" >/dev/null 2>&1 && ! { "${apt[@]}" update && "${install[@]}"; } >&2; then
    say "could not be installed: ${wanted[*]}; tests that need what is missing are skipped"
fi
exit 0
