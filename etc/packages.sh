# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034  # sourced; the lists are read by the scripts that do so
# The Debian packages that building, testing and checking need: the one list for every script.

PACKAGES_BUILD=(
    gcc libc6-dev cmake ninja-build pkg-config openssl
    libh2o-evloop-dev libnghttp2-dev libssl-dev libfyaml-dev libjansson-dev libltdl-dev
    libxxhash-dev libzstd-dev libidn2-dev libcurl4-openssl-dev libsqlite3-dev libpq-dev
    libelf-dev
)
PACKAGES_TEST=(
    libcmocka-dev g++ make python3 python3-pytest python3-pytest-xdist python3-httpx python3-h2
    python3-cryptography python3-yaml python3-jsonschema python3-pyte iproute2 postgresql-15 pgbouncer
    prometheus nghttp2-client systemd mandoc valgrind
)
PACKAGES_CHECK=(
    clang clang-tidy-14 clang-format-14 libclang-rt-14-dev shellcheck
)
# What tests/long.sh measures beside cmpd.
PACKAGES_LONG=(
    nginx-light haproxy
)

# What of them Debian would run as services, from the installation on and at every boot. Tests start
# them by themselves; nobody asked for more.
PACKAGES_SERVICES=(
    postgresql pgbouncer prometheus nginx haproxy
)

# packages_need PACKAGE...: installs those that are missing; costs one look at dpkg when none is.
packages_need() {
    local missing=() name state
    declare -A installed=()
    while read -r name state; do
        [[ $state == installed ]] && installed[$name]=1
    done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)
    for name in "$@"; do
        [[ -n ${installed[$name]:-} ]] || missing+=("$name")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0

    local root=()
    if [[ $(id -u) -ne 0 ]]; then
        if ! command -v sudo >/dev/null; then
            echo "These packages are missing, and sudo is not there to install them:" >&2
            echo "    ${missing[*]}" >&2
            echo "Run as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
        root=(sudo)
    fi
    echo "Installing: ${missing[*]}"
    "${root[@]}" apt-get -qq update
    packages_install_asleep "${missing[@]}"
}

# Installs packages by `root`, and starts no service of theirs: policy-rc.d is what Debian asks.
packages_install_asleep() (
    policy=/usr/sbin/policy-rc.d
    if [[ ! -e $policy ]]; then
        trap '"${root[@]}" rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 0755 /dev/stdin "$policy"
    fi
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends install "$@" >/dev/null
    for name in "${PACKAGES_SERVICES[@]}"; do
        if [[ " $*" == *" $name"* ]]; then
            "${root[@]}" systemctl --quiet disable "$name" 2>/dev/null || true
        fi
    done
)
