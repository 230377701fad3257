# shellcheck shell=bash
# Sourced by setup.sh: the box as a service. Everything that is done to the system stands here, and
# in --dry-run is told instead of done.
#
#   /opt/trackstart/releases/VERSION   the programme and its environment, one folder a version
#   /opt/trackstart/current            the one that runs: an update is one rename, and so is its undoing
#   /var/lib/trackstart                reps and settings; stays, whatever is installed
#   /opt/trackstart/made               what install made that was not there: uninstall removes just that

PLACE=/opt/trackstart
STORE=/var/lib/trackstart
UNITS=(trackstart-device.service trackstart-web.service trackstart-web.socket trackstart-clock.path
    trackstart-clock.service)
RUN=("${UNITS[@]:0:4}") # the last is for the one before it to start
PI_PACKAGES=(python3-picamera2 python3-opencv python3-numpy python3-scipy python3-gpiozero
    python3-lgpio python3-av python3-venv avahi-daemon network-manager iw)
UP_WITHIN_S=${TRACKSTART_UP_WITHIN_S:-120}
PROFILE=trackstart-hotspot
dry=''

# act WHAT COMMAND... : does it and says so, or only says so.
act() {
    say "  ${dry:+would: }$1"
    [[ $dry ]] || "${@:2}"
}

# put FILE MODE < content : writes a file of the system's, if it is not so already.
put() {
    local content
    content=$(cat)
    [[ -f $1 && $(<"$1") == "$content" ]] && return
    act "write $1" write_file "$1" "$2" "$content"
    changed=1
}
write_file() {
    mkdir -p "$(dirname "$1")"
    install -m "$2" /dev/stdin "$1" <<<"$3"
}

need_root() { ((EUID == 0)) || die "$1 changes the system: sudo ./setup.sh $1"; }

need_systemd() {
    [[ -d /run/systemd/system ]] || [[ $dry ]] || die "needs systemd running as on Raspberry Pi OS or Debian"
}

release_id() { # VERSION-HASH of the programme in this folder
    local version
    version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' pi/__init__.py)
    echo "$version-$(find pi web systemd requirements setup.sh pyproject.toml -type f ! -name '*.pyc' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -c1-8)"
}

# --- install ---------------------------------------------------------------------------------

install_box() {
    local hardware=1 network=ask country='' ssid='' changed='' id
    while (($#)); do
        case $1 in
            --dry-run) dry=1 ;;
            --no-hardware) hardware='' ;;
            --no-network) network=none ;;
            --hotspot) network=hotspot ;;
            --country) country=${2:-} && (($# > 1)) && shift ;;
            --join) network=join ssid=${2:-} && (($# > 1)) && shift ;;
            *) misused "install does not know $1" ;;
        esac
        shift
    done
    [[ $network != hotspot || $country =~ ^[A-Z]{2}$ ]] ||
        misused "--hotspot needs --country XX (its two letters): radio is switched off without"
    [[ $network != join || $ssid ]] || misused "--join needs the network's name"
    [[ $dry ]] || need_root install
    need_systemd
    check_machine
    if [[ $hardware ]] && ! on_a_pi; then
        die "this is no Raspberry Pi; with --no-hardware it installs with a simulated camera and no pins"
    fi
    [[ $hardware ]] || network=none
    id=$(release_id)
    say "trackstart $id"

    say "Packages"
    if [[ $hardware ]]; then act_packages "${PI_PACKAGES[@]}"; else act_packages python3 python3-venv; fi
    say "User and rights"
    add_user
    put /etc/udev/rules.d/60-trackstart.rules 644 <"systemd/60-trackstart.rules"
    say "Programme"
    lay_out "$id"
    say "Services"
    put_units
    put_quiet_card
    drop_in "$hardware"
    [[ $network == hotspot ]] && hotspot "$country"
    [[ $network == join ]] && join "$ssid"
    bring_up "$id"
    [[ $hardware ]] && advice
    if [[ $dry ]]; then say "Nothing was changed."; else where; fi
}

act_packages() {
    local package missing=()
    for package in "$@"; do installed "$package" || missing+=("$package"); done
    if ((${#missing[@]} == 0)); then return; fi
    act "install with apt: ${missing[*]}" apt_install "${missing[@]}"
}

made() { # NAME : install made it
    grep -qsx "$1" "$PLACE/made" || { mkdir -p "$PLACE" && echo "$1" >>"$PLACE/made"; }
}

add_user() {
    local group
    for group in gpio video; do
        getent group "$group" >/dev/null || act "group $group" make_group "$group"
    done
    id trackstart >/dev/null 2>&1 || act "user trackstart, of the groups gpio and video" make_user
}
make_group() { groupadd --system "$1" && made "group $1"; }
make_user() {
    useradd --system --home-dir "$STORE" --no-create-home --shell /usr/sbin/nologin \
        --groups gpio,video trackstart
    made "user trackstart"
}

# lay_out ID : the programme and its environment in a folder of its own.
lay_out() {
    local to=$PLACE/releases/$1
    [[ -e $to/.venv/trackstart-stamp ]] && return
    act "copy it to $to and make its environment" make_release "$to"
}
make_release() {
    rm -rf "$1"
    mkdir -p "$1"
    tar --exclude=./.git --exclude='./.venv*' --exclude='*/__pycache__' --exclude='./.*_cache' \
        --exclude='*.egg-info' -cf - . | tar --no-same-owner -C "$1" -xf -
    # a half-made environment is never taken for a whole one: the stamp comes last
    (cd "$1" && set_up run) || die "the environment in $1 could not be made; the version that ran still runs"
}

put_units() {
    local unit
    for unit in "${UNITS[@]}"; do
        if [[ -e systemd/$unit ]]; then
            put "/etc/systemd/system/$unit" 644 <"systemd/$unit"
        elif [[ -e /etc/systemd/system/$unit ]]; then # an older version, gone back to, has no such
            act "remove $unit" remove_unit "$unit"
        fi
    done
}

remove_unit() {
    systemctl disable --quiet --now "$1" 2>/dev/null || true
    rm "/etc/systemd/system/$1"
}

# Logs of a box that is switched off at the plug: in memory, and small.
put_quiet_card() {
    put /etc/systemd/journald.conf.d/60-trackstart.conf 644 <<'CONF'
[Journal]
Storage=volatile
RuntimeMaxUse=32M
CONF
}

drop_in() { # HARDWARE
    local file=/etc/systemd/system/trackstart-device.service.d/no-hardware.conf
    if [[ $1 ]]; then
        [[ ! -e $file ]] || { act "remove $file" rm "$file" && changed=1; }
        return
    fi
    put "$file" 644 <<'CONF'
[Service]
Environment=GPIOZERO_PIN_FACTORY=mock TRACKSTART_CAMERA=simulated
CONF
}

# --- which version runs ----------------------------------------------------------------------

running_id() { basename "$(readlink "$PLACE/current" 2>/dev/null)" 2>/dev/null || true; }

switch_to() { # ID : one rename
    ln -sfn "releases/$1" "$PLACE/current.new"
    mv -T "$PLACE/current.new" "$PLACE/current"
}

# bring_up ID : runs it, and goes back to what ran before if it does not come up.
bring_up() {
    local before
    before=$(running_id)
    if [[ $before == "$1" && ! $changed ]] && is_up; then
        say "  it runs already"
        return
    fi
    if [[ $dry ]]; then
        act "switch $PLACE/current to $1 and start ${RUN[*]}"
        return
    fi
    [[ $before && $before != "$1" ]] && back_up
    say "  starting"
    switch_to "$1"
    start_units
    if wait_until_up; then
        forget_old "$1" "$before"
        return
    fi
    if [[ $before && $before != "$1" && -d $PLACE/releases/$before ]]; then
        roll_back "$1" "$before"
    fi
    journalctl -u trackstart-device -u trackstart-web -n 8 --no-pager -o cat >&2 || true
    die "trackstart did not come up within $UP_WITHIN_S s; journalctl -u trackstart-device -u trackstart-web"
}

start_units() {
    local run=() unit
    for unit in "${RUN[@]}"; do [[ ! -e /etc/systemd/system/$unit ]] || run+=("$unit"); done
    systemctl daemon-reload
    { udevadm control --reload && udevadm trigger --subsystem-match=gpio --subsystem-match=dma_heap; } \
        2>/dev/null || true # in a container there is no udev
    systemctl restart systemd-journald 2>/dev/null || true
    systemctl enable --quiet "${run[@]}"
    systemctl stop "${run[@]}"
    systemctl reset-failed "${run[@]}" 2>/dev/null || true
    systemctl start --no-block "${run[@]}"
}

# Both have told systemd that they are ready, the page answers, and says that the device beats.
is_up() {
    systemctl is-active --quiet trackstart-device && systemctl is-active --quiet trackstart-web || return
    python3 - <<'PY' 2>/dev/null
import json, sys, urllib.request
answer = json.load(urllib.request.urlopen("http://127.0.0.1:80/healthz", timeout=3))
sys.exit(answer.get("timer") != "ok")
PY
}
wait_until_up() {
    local until=$((SECONDS + UP_WITHIN_S))
    while ((SECONDS < until)); do
        is_up && return
        sleep 1
    done
    return 1
}

# A copy of the store while the old version can still read it: the new one may change its tables.
back_up() {
    [[ -e $STORE/trackstart.db ]] || return 0
    say "  copying the store"
    systemctl stop "${RUN[@]}"
    sqlite_copy "$STORE/trackstart.db" "$STORE/trackstart.db.before"
    chown trackstart: "$STORE/trackstart.db.before"
}
sqlite_copy() {
    python3 - "$1" "$2" <<'PY'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as source, sqlite3.connect(sys.argv[2]) as copy:
    source.backup(copy)
PY
}

# The new version never served a page, so nobody can have made a rep with it: the copy lacks none.
roll_back() { # NEW OLD
    say "  $1 does not come up: going back to $2"
    systemctl stop "${RUN[@]}"
    if [[ -e $STORE/trackstart.db.before ]]; then
        rm -f "$STORE"/trackstart.db-wal "$STORE"/trackstart.db-shm
        mv "$STORE/trackstart.db.before" "$STORE/trackstart.db"
    fi
    switch_to "$2"
    (cd "$PLACE/current" && changed='' && put_units)
    start_units
    rm -rf "${PLACE:?}/releases/$1"
    wait_until_up || die "and $2 does not come up either: journalctl -u trackstart-device"
    die "$1 did not come up; $2 runs again, every rep is there"
}

forget_old() { # NEW BEFORE : one version to go back to is kept
    local folder
    rm -f "$STORE/trackstart.db.before"
    for folder in "$PLACE"/releases/*; do
        case ${folder##*/} in "$1" | "${2:-$1}") ;; *) rm -rf "$folder" ;; esac
    done
}

# --- update, pack ----------------------------------------------------------------------------

update_box() {
    local file='' from
    while (($#)); do
        case $1 in
            --dry-run) dry=1 ;;
            -*) misused "update does not know $1" ;;
            *) file=$1 ;;
        esac
        shift
    done
    [[ $file ]] || misused "update needs a file, as ./setup.sh pack makes it"
    file=$(cd "$STARTED" && realpath -m -- "$file")
    [[ -r $file ]] || misused "update: there is no file $file"
    [[ $dry ]] || need_root update
    [[ $(running_id) ]] || die "nothing is installed here yet: sudo ./setup.sh install"
    from=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$from'" EXIT
    tar -C "$from" -xzf "$file" 2>/dev/null || die "$file is no archive of trackstart's, or half of one"
    [[ -f $from/pi/__init__.py && -f $from/setup.sh ]] || die "$file is no archive of trackstart's"
    local changed='' id
    cd "$from" || die "cannot enter $from"
    id=$(release_id)
    say "trackstart $(running_id) -> $id"
    [[ $(running_id) != "$id" ]] || { say "  it runs already" && return; }
    lay_out "$id"
    put_units
    bring_up "$id"
    if [[ $dry ]]; then say "Nothing was changed."; else say "trackstart $id runs."; fi
}

pack_box() {
    local here='' to id room
    [[ ${1:-} == --here ]] && here=1 && shift
    id=$(release_id)
    to=$(cd "$STARTED" && realpath -m -- "${1:-trackstart-$id.tar.gz}")
    check_machine
    set_up run
    room=$(mktemp -d)
    # shellcheck disable=SC2064
    trap "rm -rf '$room'" EXIT
    say "Fetching packages, so that the track needs no network"
    if [[ $here ]]; then
        .venv/bin/python -m pip --quiet download --require-hashes --only-binary :all: \
            -r "$(lock_for run)" --dest "$room/wheels"
    else
        local python
        for python in 3.11 3.13; do # Raspberry Pi OS bookworm, trixie
            .venv/bin/python -m pip --quiet download --require-hashes --only-binary :all: --no-deps \
                --python-version "$python" --platform manylinux_2_28_aarch64 \
                --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
                -r requirements/pi.txt --dest "$room/wheels"
        done
    fi
    tar -czf "$to" --exclude=./.git --exclude='./.venv*' --exclude='*/__pycache__' \
        --exclude='./.*_cache' --exclude='*.egg-info' --exclude="./$(basename "$to")" . -C "$room" wheels
    say "$to ($(du -h "$to" | cut -f1)): sudo ./setup.sh update $(basename "$to")"
}

# --- network ---------------------------------------------------------------------------------

hotspot() { # COUNTRY
    put /etc/NetworkManager/dnsmasq-shared.d/60-trackstart.conf 644 <<'CONF'
# Whatever a phone on the hotspot asks for is this box: its question whether there is internet is
# answered here (web/portal.py), so that it stays.
address=/#/10.42.0.1
CONF
    if command -v nmcli >/dev/null && nmcli -t -f NAME connection show 2>/dev/null | grep -qx "$PROFILE"; then
        say "  the hotspot is there already"
    else
        act "hotspot trackstart, country $1, on wlan0, address 10.42.0.1" make_hotspot "$1"
    fi
    [[ $dry ]] || show_hotspot
}
make_hotspot() {
    local passphrase
    # no letters that are mistaken for one another on a printed sheet
    passphrase=$(tr -dc 'abcdefghjkmnpqrstuvwxyz23456789' </dev/urandom | head -c 12 || true)
    command -v raspi-config >/dev/null && raspi-config nonint do_wifi_country "$1"
    rfkill unblock wifi 2>/dev/null || true
    nmcli --terse connection add type wifi ifname wlan0 con-name "$PROFILE" autoconnect yes \
        ssid "trackstart-$(tr -dc '0-9' </dev/urandom | head -c 3 || true)" \
        802-11-wireless.mode ap 802-11-wireless.band bg ipv4.method shared \
        ipv4.addresses 10.42.0.1/24 ipv6.method disabled wifi-sec.key-mgmt wpa-psk \
        wifi-sec.psk "$passphrase" connection.autoconnect-priority 50 >/dev/null
    nmcli connection up "$PROFILE" >/dev/null || say "  it comes up with the next start"
}
show_hotspot() {
    local ssid passphrase
    ssid=$(nmcli -g 802-11-wireless.ssid connection show "$PROFILE")
    passphrase=$(nmcli -s -g 802-11-wireless-security.psk connection show "$PROFILE")
    say "  Wi-Fi $ssid, password $passphrase"
    # The page Join shows it, too; nobody but the service reads the file.
    "$PLACE/current/.venv/bin/python" - "$ssid" "$passphrase" "$STORE/wifi.json" <<'PY' 2>/dev/null || true
import json, os, shutil, sys
from segno import helpers
helpers.make_wifi(ssid=sys.argv[1], password=sys.argv[2], security="WPA").terminal(compact=True)
with os.fdopen(os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
    json.dump({"name": sys.argv[1], "password": sys.argv[2]}, file)
shutil.chown(sys.argv[3], "trackstart", "trackstart")
PY
}
join() { # SSID
    act "join the network $1 (nmcli asks for its password)" nmcli --ask device wifi connect "$1"
}

where() {
    say ""
    say "trackstart runs. On a phone in the same network: http://$(hostname).local/ or"
    local address
    for address in $(hostname -I 2>/dev/null); do say "  http://$address/"; done
}

advice() {
    say ""
    say "Not changed by this script, worth having in /boot/firmware/config.txt:"
    say "  camera_auto_detect=1"
    say "  force_turbo=1          # with a heat sink or a fan: frames are not lost to slow clocks"
    say "  gpio=17,27=op,dl       # buzzer and LED low from the first moment on"
    say "and, for the card's sake, noatime among the options of / in /etc/fstab, as Raspberry Pi OS"
    say "has it.$(grep -qs ' / [^ ]* [^ ]*noatime' /proc/mounts && echo ' (It is so here.)')"
}

# --- uninstall -------------------------------------------------------------------------------

uninstall_box() {
    local purge='' name
    while (($#)); do
        case $1 in
            --dry-run) dry=1 ;;
            --purge) purge=1 ;;
            *) misused "uninstall does not know $1" ;;
        esac
        shift
    done
    [[ $dry ]] || need_root uninstall
    act "stop and disable ${UNITS[*]}" stop_units
    for name in "${UNITS[@]/#//etc/systemd/system/}" /etc/systemd/system/trackstart-device.service.d \
        /etc/udev/rules.d/60-trackstart.rules /etc/systemd/journald.conf.d/60-trackstart.conf \
        /etc/NetworkManager/dnsmasq-shared.d/60-trackstart.conf; do
        [[ ! -e $name ]] || act "remove $name" rm -rf "$name"
    done
    rmdir --ignore-fail-on-non-empty /etc/systemd/journald.conf.d 2>/dev/null || true
    if command -v nmcli >/dev/null && nmcli -t -f NAME connection show 2>/dev/null | grep -qx "$PROFILE"; then
        act "remove the hotspot" nmcli connection delete "$PROFILE"
    fi
    [[ $dry ]] || systemctl daemon-reload
    while read -r name; do
        case $name in
            user\ *) act "remove the $name" userdel "${name#user }" ;;
            group\ *) act "remove the $name" groupdel "${name#group }" ;;
        esac
    done < <(tac "$PLACE/made" 2>/dev/null)
    [[ ! -d $PLACE ]] || act "remove $PLACE" rm -rf "$PLACE"
    if [[ $purge ]]; then
        [[ ! -e $STORE ]] || act "remove $STORE with every rep" rm -rf "$STORE"
    elif [[ -e $STORE ]]; then
        say "Reps and settings stay in $STORE (uninstall --purge removes them too)."
    fi
    if [[ $dry ]]; then say "Nothing was changed."; else say "trackstart is gone. Packages from apt stay."; fi
}
stop_units() { systemctl disable --quiet --now "${RUN[@]}" 2>/dev/null || true; }
