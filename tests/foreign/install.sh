#!/usr/bin/env bash
# Installs on Debian what the tests of software of others need: packages by apt (as root), Python packages into a virtual
# environment and Node packages into a folder under the target folder. Starts nothing, changes no configuration.
# Usage: tests/foreign/install.sh [FOLDER]; the tests look into FOLDER when CROSSWIRE_FOREIGN names it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:-${CROSSWIRE_FOREIGN:-${CARGO_TARGET_DIR:-$here/../../target}/foreign}}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

say() { printf '\n== %s\n' "$*" >&2; }

packages=(dovecot-imapd dovecot-lmtpd nginx-light php-fpm php-sqlite3 roundcube-core roundcube-sqlite3)
command -v node >/dev/null && command -v npm >/dev/null || packages+=(nodejs npm)
python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if ((${#missing[@]})); then
    if ((EUID != 0)); then
        say "As root: apt-get install --no-install-recommends ${missing[*]}"
    else
        say "Debian packages: ${missing[*]}"
        # The tests make a database of their own; and no server is to be started by being installed.
        echo 'roundcube-core roundcube/dbconfig-install boolean false' | debconf-set-selections
        policy=/usr/sbin/policy-rc.d
        if [[ ! -e $policy ]]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod 755 "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -q
        apt-get install -q -y --no-install-recommends "${missing[@]}"
    fi
fi

say "Python packages in $folder/venv"
[[ -x $folder/venv/bin/python ]] || python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check -r "$here/services/python/requirements.txt"

say "Node packages in $folder/node"
mkdir -p "$folder/node"
cp "$here/services/node/package.json" "$here/services/node/package-lock.json" "$folder/node/"
npm ci --prefix "$folder/node" --no-audit --no-fund

say "Then: cargo test --test foreign -- --ignored --nocapture --test-threads=1"
