# What the scripts share: sourced, in the project's folder.
# shellcheck shell=bash
tools=${SOTTO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/sotto}
mkdir -p "$tools"
export SAM_CLI_TELEMETRY=0
current='' # the step that is being done

# step NAME COMMAND [ARGUMENT...]: does it, and says how long it took
step() {
  local start=$SECONDS
  current=$1
  printf '\n=== %s\n' "$1"
  # Not in a condition: there a failure within a function would go unnoticed.
  "${@:2}"
  printf '=== %s: %d s\n' "$1" $((SECONDS - start))
}

fail() {
  echo "$*" >&2
  exit 1
}

# What the script says of itself at its top.
usage() {
  sed '1d; /^[^#]/,$d; s/^# \{0,1\}//' "scripts/${0##*/}" >&2
  exit 2
}

# need COMMAND PACKAGE...: Debian's packages for a command that is not there
need() {
  command -v "$1" >/dev/null && return
  local root=
  [ "$(id -u)" = 0 ] || root=sudo
  $root apt-get update -q >/dev/null
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${@:2}" >/dev/null
}

# python_tool NAME PACKAGE...: Python packages with their commands, in $tools/NAME
python_tool() {
  [ "$(cat "$tools/$1/.wanted" 2>/dev/null)" != "${*:2}" ] || return 0
  rm -rf "${tools:?}/$1"
  python3 -m venv "$tools/$1"
  "$tools/$1/bin/pip" install -q "${@:2}"
  echo "${*:2}" >"$tools/$1/.wanted"
}

install_sam() {
  python_tool sam aws-sam-cli==1.170.0
}

# build_functions [ARGUMENT...]: as they are deployed, into target/lambda
build_functions() {
  cargo lambda --version >/dev/null 2>&1 || python_tool cargo-lambda cargo-lambda==1.9.2
  # A machine without zig builds for the C library that it has itself: as good, as the functions run here.
  command -v zig >/dev/null || export CARGO_LAMBDA_COMPILER=cargo
  cargo lambda build --release --locked "$@"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
