# What .ci/run and tests/e2e/run both need: Rust and the pinned tools. To be sourced in the repository's root.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/batch-canceller
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-never}
export SAM_CLI_TELEMETRY=0

# A machine may have the pinned Rust under another toolchain name, and no way to fetch it again.
use_rust() {
  local pinned installed
  pinned=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
  if ! cargo --version >/dev/null 2>&1; then
    installed=$(cd / && rustc --version)
    [[ $installed == "rustc $pinned "* ]] || { echo "Rust $pinned is needed; there is $installed" >&2; return 1; }
    RUSTUP_TOOLCHAIN=$(cd / && rustup show active-toolchain | cut -d' ' -f1)
    export RUSTUP_TOOLCHAIN
  fi
  cargo --version
  rustc --version
}

# The pinned tools of a list, installed once for each version of the list.
use_list() { # use_list LIST
  local list=$1 venv
  venv=$cache/venv-$(sha256sum "$list" | cut -c1-16)
  if [[ ! -e $venv/complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv" || { # Debian keeps venv in a package of its own.
      apt-get update -qq && apt-get install -y -qq python3-venv && python3 -m venv --clear "$venv"
    }
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list"
    touch "$venv/complete"
  fi
  export PATH=$venv/bin:$PATH
}

use_tools() {
  use_list tests/e2e/requirements.txt
  sam --version
  cfn-lint --version
  cargo lambda --version
}
