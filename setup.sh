#!/usr/bin/env bash
# Sets trackstart up on this machine and runs it, or its tests. Without arguments it explains itself.
# Everything goes into .venv beside this file, apart from apt packages, which are named beforehand.
set -euo pipefail

STAMP=.venv/trackstart-stamp # written last: an environment without it is half-made
STARTED=$PWD

usage() {
    cat <<'HELP'
trackstart: a trackside timer for sprint starts

  ./setup.sh run                      install what is missing, start, print the page's address
      --camera pi|webcam|simulated|file:PATH
                                      where the pictures come from
                                      (else as in the settings; by default the Pi's camera
                                      on a Raspberry Pi, a simulated track elsewhere)
      --port N                        port of the page (else as in the settings; by default 8080)
  ./setup.sh test [pytest options]    install what is missing, run every check and test

  sudo ./setup.sh install             as a service that starts with the box
      --hotspot --country XX          its own Wi-Fi, for phones at the track
      --join SSID | --no-network      another network; none of this script's doing
      --no-hardware                   on any Debian: simulated camera, no pins
  sudo ./setup.sh update FILE         another version, and back if it does not come up
  sudo ./setup.sh uninstall           reps stay, with --purge they go too
  ./setup.sh pack [FILE]              this version as FILE for update, with all its packages
  (install, update and uninstall with --dry-run say what they would do, and do nothing)

For Debian 12 and 13, Ubuntu 24.04 and Raspberry Pi OS (64-bit), with Python 3.11 to 3.13.
Stop it with Ctrl-C. Reps and settings are kept in ~/.local/share/trackstart.
HELP
}

say() { printf '%s\n' "$*"; }
die() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}
misused() {
    printf 'setup.sh: %s (./setup.sh alone explains)\n' "$*" >&2
    exit 2
}

on_a_pi() { grep -qs 'Raspberry Pi' /proc/device-tree/model; }

# --- the machine -----------------------------------------------------------------------------

check_machine() {
    [[ $(uname -s) == Linux ]] || die "needs Linux (Debian, Ubuntu or Raspberry Pi OS); this is $(uname -s)"
    case $(uname -m) in
        x86_64 | aarch64) ;;
        *) die "needs a 64-bit system (x86-64 or arm64); this is $(uname -m)" ;;
    esac
    local system
    # shellcheck source=/dev/null
    system=$([[ -r /etc/os-release ]] && . /etc/os-release && echo "${ID:-?} ${VERSION_ID:-}")
    case $system in
        "debian 12" | "debian 13" | "ubuntu 24.04") ;;
        *) say "Note: tried on Debian 12 and 13, Ubuntu 24.04 and Raspberry Pi OS; this is ${system:-unknown}." ;;
    esac
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# apt_install PACKAGE... : installs those that are missing, and says so first.
apt_install() {
    local package missing=() sudo=()
    for package in "$@"; do installed "$package" || missing+=("$package"); done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || die "cannot install by itself here (no apt); please install: ${missing[*]}"
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "please have an administrator run: apt-get install ${missing[*]}"
        sudo=(sudo)
        say "Installing with apt: ${missing[*]} (sudo may ask for your password)"
    else
        say "Installing with apt: ${missing[*]}"
    fi
    local log
    log=$(mktemp)
    if ! { "${sudo[@]}" apt-get -qq update && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}"; } </dev/null >"$log" 2>&1; then
        die "apt could not install ${missing[*]} (is there a network?): $(grep -m1 '^E:' "$log" || tail -n1 "$log"); all of it in $log"
    fi
    rm -f "$log"
}

# --- Python ----------------------------------------------------------------------------------

# version_of PYTHON : "3.11.2" if it runs at all (a version manager's shim may be there and not run).
version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null; }

suits() { [[ $1 =~ ^3\.1[123]\. ]]; }

# Sets `python` to one that can make environments; installs only the piece that is missing.
find_python() {
    local candidate version found='' without_venv='' names=(python3.13 python3.12 python3.11 python3)
    on_a_pi && names=(/usr/bin/python3) # the only one that sees apt's picamera2
    for candidate in "${names[@]}"; do
        version=$(version_of "$candidate") || continue
        found="$candidate is $version"
        suits "$version" || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            python=$candidate
            return
        fi
        without_venv=${without_venv:-$candidate}
    done
    if [[ $without_venv ]]; then
        python=$without_venv
        apt_install "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
    elif [[ $found ]]; then
        die "needs Python 3.11, 3.12 or 3.13; $found"
    else
        python=python3
        apt_install python3 python3-venv
        suits "$(version_of python3)" || die "needs Python 3.11, 3.12 or 3.13; apt's is $(version_of python3)"
    fi
}

# --- the environment -------------------------------------------------------------------------

lock_for() { # run|test
    if on_a_pi; then
        [[ $1 == run ]] && echo requirements/pi.txt || echo requirements/pi-test.txt
    else
        echo "requirements/$1.txt"
    fi
}

ingredients() { cat pyproject.toml requirements/*.txt | sha256sum | cut -c1-32; }

# has MODULE... : can the environment's Python find them all?
has() {
    .venv/bin/python -c 'import sys; from importlib.util import find_spec
sys.exit(not all(map(find_spec, sys.argv[1:])))' "$@" 2>/dev/null
}

# Sets `level` and `made_of` of an environment that was finished, here, and still works.
is_whole() {
    local version folder
    [[ -s $STAMP ]] && read -r level version made_of folder <"$STAMP" || return 1
    [[ $folder == "$PWD" && $version == "$(version_of .venv/bin/python)" ]] || return 1
    has pi web pip numpy cv2 scipy av gpiozero flask gunicorn sqlalchemy alembic pydantic click segno || return 1
    [[ $level == run ]] || has pytest hypothesis jsonschema playwright ruff mypy codespell_lib
}

# pip_install ARGUMENT... : quietly; a missing network is one line, anything else its last lines.
pip_install() {
    local log
    log=$(mktemp)
    if PIP_USER=0 .venv/bin/python -m pip --no-input --disable-pip-version-check --quiet \
        install --timeout 20 --retries 2 "$@" </dev/null >"$log" 2>&1; then
        rm -f "$log"
    elif grep -q 'certificate verify failed' "$log"; then
        rm -f "$log"
        die "no safe connection to the package index; is the clock right ($(date '+%F %R')), is there a sign-in page?"
    elif grep -qE 'Retrying \(|ConnectionError|ProxyError|ConnectTimeout|ReadTimeout' "$log"; then
        rm -f "$log"
        die "no network? This step downloads packages (only now, not each time); connect and run it again"
    else
        tail -n 5 "$log" >&2
        die "pip could not install the packages; all it said is in $log"
    fi
}

# set_up run|test : .venv holds all that is needed, pinned. Quick and offline if it already does.
set_up() {
    local wanted=$1 room=1000 level='' made_of='' python='' venv_options=() pip_options=(--require-hashes)
    [[ -d wheels ]] && pip_options+=(--no-index --find-links wheels) # packed: no network needed
    [[ $wanted == run ]] || room=1500
    if on_a_pi; then
        # numpy, OpenCV and what talks to the hardware come from apt; a second one from pip would
        # break picamera2.
        apt_install python3-picamera2 python3-opencv python3-numpy python3-scipy python3-gpiozero \
            python3-lgpio python3-av python3-venv
        export PYTHONNOUSERSITE=1
        room=300 venv_options=(--system-site-packages) pip_options+=(--no-deps)
    fi

    if is_whole; then
        [[ $level == test ]] && wanted=$level # it does for running too
        [[ $level == "$wanted" && $made_of == "$(ingredients)" ]] && return
        check_folder "$room"
        say "Bringing .venv up to date"
    else
        check_folder "$room"
        find_python
        say "Making .venv with Python $(version_of "$python"); the first time this downloads packages, a few minutes"
        "$python" -m venv --clear "${venv_options[@]}" .venv >/dev/null 2>&1 ||
            die "$python could not make an environment in $PWD/.venv"
    fi
    pip_install "${pip_options[@]}" -r "$(lock_for "$wanted")"
    pip_install --no-deps --no-build-isolation --editable .
    echo "$wanted $(version_of .venv/bin/python) $(ingredients) $PWD" >"$STAMP"
}

check_folder() { # MEGABYTES
    [[ -w . ]] || die "cannot write in $PWD; put the project into a folder of your own"
    local free
    free=$(df --output=avail -m . | tail -n 1)
    ((free >= $1)) || die "needs about $1 MB of free space in $PWD; there are $((free)) MB"
}

# --- what it can be asked for ----------------------------------------------------------------

run() {
    local value
    while (($#)); do
        case $1 in
            --camera=* | --port=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        esac
        case $1 in
            --camera | --port) (($# > 1)) || misused "$1 needs a value" ;;
            *) misused "run does not know $1" ;;
        esac
        value=$2
        if [[ $1 == --port ]]; then
            if ! [[ $value =~ ^[1-9][0-9]{0,4}$ ]] || ((value > 65535)); then
                misused "--port needs a number from 1 to 65535, not $value"
            fi
            export TRACKSTART_PORT=$value
        else
            case $value in
                webcam | simulated) ;;
                pi) on_a_pi || misused "--camera pi needs a Raspberry Pi, and this is none" ;;
                file:?*)
                    value=file:$(cd "$STARTED" && realpath -m -- "${value#file:}")
                    [[ -f ${value#file:} && -r ${value#file:} ]] || misused "--camera: there is no file ${value#file:}"
                    ;;
                *) misused "--camera needs pi, webcam, simulated or file:PATH, not $value" ;;
            esac
            export TRACKSTART_CAMERA=$value
        fi
        shift 2
    done
    check_machine
    set_up run
    # Another way to the pins would have other delays; gpiozero must not choose one in silence.
    if on_a_pi; then export GPIOZERO_PIN_FACTORY=${GPIOZERO_PIN_FACTORY:-lgpio}; fi
    exec .venv/bin/python -m pi.launch
}

test_all() {
    check_machine
    set_up test
    if ! command -v chromium chromium-browser google-chrome >/dev/null; then
        # Ubuntu's is a snap behind another name.
        installed fonts-dejavu-core || apt_install fonts-dejavu-core
        if grep -qs '^ID=ubuntu' /etc/os-release; then apt_install chromium-browser; else apt_install chromium; fi
    fi
    local failed=() step
    for step in 'ruff check --quiet --output-format concise .' 'ruff format --check --quiet .' 'mypy --no-error-summary' 'codespell_lib'; do
        say "$step"
        # shellcheck disable=SC2086
        .venv/bin/python -m $step || failed+=("${step%% -*}")
    done
    say "pytest $*"
    .venv/bin/python -m pytest "$@" || failed+=(pytest)
    ((${#failed[@]} == 0)) || die "failed: $(IFS=, && echo "${failed[*]}")"
}

main() {
    cd "$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")"
    case ${1:-help} in
        run) run "${@:2}" ;;
        test) test_all "${@:2}" ;;
        install | update | uninstall | pack)
            # shellcheck source=systemd/install.sh
            . systemd/install.sh
            "${1}_box" "${@:2}"
            ;;
        help | -h | --help) usage ;;
        *) misused "there is no '$1'" ;;
    esac
}

# Read by a test, it only defines.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
