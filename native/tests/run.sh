#!/usr/bin/env bash
# Builds the C tests three times -- plain, with address and undefined-behaviour sanitizers, with
# thread sanitizer -- and runs them; needs neither root nor Python. Builds are under build/ in the
# project's root. Arguments go to ctest (native/tests/run.sh -R batch).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
[ -d .venv/bin ] && PATH=$PATH:$PWD/.venv/bin
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
jobs=$(nproc)
# Sanitizers want the usual address space layout; a random one may be in their way.
layout=(setarch "$(uname -m)" -R)
"${layout[@]}" true 2>/dev/null || layout=()
failed=()

# variant NAME SANITIZERS BUILD-TYPE FLAGS [ctest arguments...]
variant() {
	local name=$1 sanitize=$2 type=$3 flags=$4 directory=build/native-$1
	shift 4
	if cmake "${generator[@]}" -S native -B "$directory" -DFP_TESTS=ON \
		-DFP_SANITIZE="$sanitize" -DCMAKE_BUILD_TYPE="$type" -DCMAKE_C_FLAGS_DEBUG="$flags" \
		>"$directory.log" 2>&1 &&
		cmake --build "$directory" --parallel "$jobs" >>"$directory.log" 2>&1; then
		echo "-- $name"
		(cd "$directory" && "${layout[@]}" ctest --output-on-failure --parallel "$jobs" "$@") |
			grep -v '^ *Start \|^Test project\|^$' || failed+=("$name")
	else
		tail -n 40 "$directory.log"
		failed+=("$name (build)")
	fi
}

mkdir -p build
variant plain "" Release "" "$@"
variant address address,undefined Debug "-O1 -g -fno-sanitize-recover=undefined" "$@"
variant thread thread Debug "-O1 -g" "$@"

if [ ${#failed[@]} -gt 0 ]; then
	printf 'FAILED: %s\n' "${failed[*]}"
	exit 1
fi
