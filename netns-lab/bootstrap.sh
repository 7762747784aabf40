# Sourced by netns-lab/demo, netns-lab/lab and tests/run: makes .venv hold the built project.
#
#   bootstrap run     what the switch and the lab need
#   bootstrap test    that, and what the tests need
#
# Missing Debian packages are installed when we are root (after saying which), else the apt-get line
# is printed. A stamp over the sources of the build keeps a second run quick.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv

say() { printf '%s\n' "$*" >&2; }

# The first Python that is new enough, can make a venv and has its headers.
usable_python() {
	local candidate
	for candidate in python3 /usr/bin/python3 python3.13 python3.12 python3.11; do
		if command -v "$candidate" >/dev/null && "$candidate" - <<-'EOF' 2>/dev/null; then
			import ensurepip, os, sys, sysconfig, venv
			include = sysconfig.get_path("include")
			sys.exit(not (sys.version_info >= (3, 11) and os.path.exists(include + "/Python.h")))
		EOF
			command -v "$candidate"
			return 0
		fi
	done
	return 1
}

missing_packages() {
	local need=()
	[ -x "$VENV/bin/python" ] || usable_python >/dev/null || need+=(python3 python3-venv python3-dev)
	command -v cc >/dev/null && echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 || need+=(gcc libc6-dev)
	if [ "$1" = test ]; then
		command -v cmake >/dev/null || need+=(cmake)
		command -v ninja >/dev/null || command -v make >/dev/null || need+=(ninja-build)
		command -v clang-format >/dev/null || need+=(clang-format)
		command -v clang >/dev/null || need+=(clang) # native/bpf
		command -v ip >/dev/null || need+=(iproute2)
		# The real neighbours of tests/netns (netns-lab/testbed/daemons.py).
		[ -x /usr/lib/frr/pimd ] || need+=(frr)
		command -v smcrouted >/dev/null || need+=(smcroute)
		command -v igmpproxy >/dev/null || need+=(igmpproxy)
		command -v ovs-vswitchd >/dev/null || need+=(openvswitch-switch)
		command -v radvd >/dev/null || need+=(radvd)
		command -v ping >/dev/null || need+=(iputils-ping)
		command -v nft >/dev/null || need+=(nftables)
		command -v ethtool >/dev/null || need+=(ethtool)
		command -v tcpdump >/dev/null || need+=(tcpdump)
		command -v mandoc >/dev/null || need+=(mandoc)
		# What completes a command line (tests/unit/cli/test_completion.py).
		# What reads the metrics, and the alert rules (tests/unit/test_alerts.py).
		command -v promtool >/dev/null || need+=(prometheus)
		# What looks at the page (tests/netns/test_web.py).
		command -v chromium >/dev/null || need+=(chromium)
		command -v zsh >/dev/null || need+=(zsh)
		command -v fish >/dev/null || need+=(fish)
		# The Debian package (tests/netns/test_packages.py), which is of Debian's own Python.
		command -v dh >/dev/null || need+=(debhelper)
		[ ! -x /usr/bin/python3 ] || /usr/bin/python3 - <<-'EOF' 2>/dev/null || need+=(python3-venv python3-dev)
			import ensurepip, os, sys, sysconfig
			sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))
		EOF
		[ -x /lib/systemd/systemd ] || need+=(systemd) # its units run under it
		# Containers (tests/netns/containers), and what is in their image.
		[ -x /usr/sbin/dockerd ] || need+=(docker.io)
		command -v podman >/dev/null || need+=(podman)
		command -v runc >/dev/null || need+=(runc)
		[ -x /usr/lib/cni/host-local ] || need+=(containernetworking-plugins)
		[ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1 || need+=(busybox-static)
	fi
	printf '%s\n' "${need[@]}"
}

install_packages() {
	local packages
	mapfile -t packages < <(missing_packages "$1")
	[ -n "${packages[0]:-}" ] || return 0
	if [ "$(id -u)" != 0 ]; then
		say "Debian packages are missing. Install them, then run this again:"
		say "  sudo apt-get install -y --no-install-recommends ${packages[*]}"
		return 1
	fi
	say "installing Debian packages: ${packages[*]}"
	without_services apt_install "${packages[@]}"
}

apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "$@" >&2
}

# Routers and switches are installed for the tests to start: none may run, now or after a boot.
without_services() {
	local policy=/usr/sbin/policy-rc.d status package
	if [ -e "$policy" ]; then
		policy=""
	else
		printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
	fi
	"$@"
	status=$?
	[ -z "$policy" ] || rm -f "$policy"
	for package in "${@:2}"; do
		case $package in
		frr | smcroute | igmpproxy | openvswitch-switch | radvd | nftables | prometheus)
			command -v systemctl >/dev/null && systemctl disable --now "$package" >/dev/null 2>&1
			;;
		podman)
			command -v systemctl >/dev/null && systemctl disable --now podman.socket podman.service \
				podman-auto-update.timer podman-restart.service >/dev/null 2>&1
			;;
		docker.io)
			command -v systemctl >/dev/null &&
				systemctl disable --now docker.socket docker containerd >/dev/null 2>&1
			;;
		esac
	done
	return $status
}

# What the build depends on: the Python at work, the project file, everything native, and which
# modules there are, since an editable installation lists them.
fingerprint() {
	(
		cd "$ROOT" || exit
		"$VENV/bin/python" -c 'import sys; print(sys.version, sys.prefix)'
		cat pyproject.toml
		find snoop -name '*.py' | sort
		find native -type f \( -name '*.[ch]' -o -name '*.txt' -o -name '*.py' -o -name '*.cmake' \) \
			-not -path '*/build*' -print0 | sort -z | xargs -0 cat
	) | sha256sum | cut -d ' ' -f 1
}

bootstrap() {
	local extra="" stamp now python
	[ "$1" = test ] && extra="[dev]"
	install_packages "$1" || return 1
	if [ ! -x "$VENV/bin/python" ] || ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
		python=$(usable_python) || { say "no Python >= 3.11 with venv and headers"; return 1; }
		say "making .venv with $python"
		"$python" -m venv "$VENV" || return 1
	fi
	now=$(fingerprint)
	# The tests' environment has everything the plain one has.
	for stamp in "$VENV/.built-test" "$VENV/.built-$1"; do
		if [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then
			return 0
		fi
	done
	say "building snoop into .venv"
	rm -f "$VENV"/.built-*
	# --force-reinstall of nothing but the project: the sources changed, the version did not.
	"$VENV/bin/python" -m pip install -q --disable-pip-version-check --editable "$ROOT$extra" >&2 || return 1
	# A process compiles what nobody has, each time where it may not write (PYTHONDONTWRITEBYTECODE):
	# half of the time that a command takes.
	"$VENV/bin/python" -m compileall -q "$ROOT/snoop" "$ROOT/tests" >&2 || true
	printf '%s\n' "$now" >"$VENV/.built-$1"
}
