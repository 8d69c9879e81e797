# Functions that the scripts share. They source this file in the repository's folder.
# shellcheck shell=bash
tools=${SOTTO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/sotto}
mkdir -p "$tools"
export SAM_CLI_TELEMETRY=0
current='' # the step that runs now

# step NAME COMMAND [ARGUMENT...]: runs the command and prints how long it took
step() {
  local start=$SECONDS
  current=$1
  printf '\n=== %s\n' "$1"
  # Must not be in a condition: there bash ignores `set -e` inside functions.
  "${@:2}"
  printf '=== %s: %d s\n' "$1" $((SECONDS - start))
}

fail() {
  echo "$*" >&2
  exit 1
}

# Prints the comment at the top of the script.
usage() {
  sed '1d; /^[^#]/,$d; s/^# \{0,1\}//' "scripts/${0##*/}" >&2
  exit 2
}

# need COMMAND PACKAGE...: installs these Debian packages if there is no such command
need() {
  command -v "$1" >/dev/null && return
  local root=
  [ "$(id -u)" = 0 ] || root=sudo
  $root apt-get update -q >/dev/null
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${@:2}" >/dev/null
}

# python_tool NAME PACKAGE...: installs these Python packages with their commands into $tools/NAME
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
  # Without zig, cargo builds for this machine's C library. That is enough, as the functions run here.
  command -v zig >/dev/null || export CARGO_LAMBDA_COMPILER=cargo
  cargo lambda build --release --locked "$@"
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
