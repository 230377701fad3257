#!/usr/bin/env bash
# setup.sh install, update, rollback and uninstall in a Debian that is booted in a container.
#
# Real: systemd as PID 1 with the units' sandbox and watchdog, apt's and pip's packages, the pages
# over a network of their own, a reboot. Not real: camera and pins (--no-hardware), Raspberry Pi OS.
set -euo pipefail
HERE=$(dirname "$(realpath -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/rig/roots.sh
. "$HERE/roots.sh"

NAME=tsrig
ROOT=$TRACKSTART_RIG/install-root
ARCHIVE=$TRACKSTART_RIG/install-base.tar
ADDRESS=10.77.0.2
URL=http://$ADDRESS
steps=0

step() {
    steps=$((steps + 1))
    printf '\n=== %s (%s s)\n' "$*" "$SECONDS"
}
die() {
    printf 'FAILED: %s\n' "$*" >&2
    inside journalctl -u trackstart-device -u trackstart-web -n 30 --no-pager >&2 2>/dev/null || true
    exit 1
}

# --- the container ---------------------------------------------------------------------------

make_base() {
    [[ -s $ARCHIVE ]] && return
    unpack "$(base trixie amd64)" "$ROOT"
    chroot "$ROOT" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends systemd systemd-sysv dbus udev iproute2 procps python3 python3-venv' \
        >/dev/null
    chroot "$ROOT" systemctl mask --quiet systemd-networkd-wait-online.service getty.target console-getty.service
    echo trackstart >"$ROOT/etc/hostname"
    tar -C "$ROOT" -cf "$ARCHIVE.part" .
    mv "$ARCHIVE.part" "$ARCHIVE"
}

# put_project FOLDER : a copy of the project without what is only here.
put_project() {
    rm -rf "$1"
    mkdir -p "$1"
    tar -C "$PROJECT" --exclude=./.git --exclude='./.venv*' --exclude='*/__pycache__' \
        --exclude='./.*_cache' --exclude='*.egg-info' -cf - . | tar --no-same-owner -C "$1" -xf -
}

boot() {
    ip link delete "ve-$NAME" 2>/dev/null || true # of one that was killed
    unshare --mount --propagation private bash -c "
        umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
        exec systemd-nspawn --quiet --directory='$ROOT' --machine=$NAME --register=no --keep-unit \
            --network-veth --boot" >"$TRACKSTART_RIG/boot.log" 2>&1 &
    nspawn=$!
    connect
}

# The container's init, once it runs, and its network.
connect() {
    local until=$((SECONDS + 60))
    init=''
    until [[ $init ]] && [[ $(inside systemctl is-system-running 2>/dev/null) =~ running|degraded ]]; do
        ((SECONDS < until)) || { tail -20 "$TRACKSTART_RIG/boot.log" >&2; echo "no boot" >&2; exit 1; }
        sleep 0.5
        init=$(pgrep -f '^/usr/lib/systemd/systemd|^/sbin/init' | while read -r pid; do
            [[ $(readlink "/proc/$pid/root") == / && $(readlink "/proc/$pid/ns/uts") != "$(readlink /proc/1/ns/uts)" ]] && echo "$pid"
        done | head -1) || true
    done
    ip link set "ve-$NAME" up
    ip addr replace 10.77.0.1/24 dev "ve-$NAME"
    inside ip link set host0 up
    inside ip addr replace $ADDRESS/24 dev host0
}
inside() { nsenter --target "$init" --all --wdns=/root -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TRACKSTART_UP_WITHIN_S="${UP_WITHIN_S:-90}" "$@"; }
end() {
    local status=$?
    set +e
    [[ ${init:-} ]] && kill -s RTMIN+4 "$init" # power off
    [[ ${nspawn:-} ]] && { timeout 20 tail --pid="$nspawn" -f /dev/null || kill -9 "$nspawn"; }
    rm -rf --one-file-system "$ROOT"
    exit "$status"
} 2>/dev/null
trap end EXIT

# --- the page, as a phone beside the box has it --------------------------------------------

page() { curl --silent --show-error --fail --max-time 10 --header "Origin: $URL" "$@"; }
wait_for_page() {
    local until=$((SECONDS + ${1:-60}))
    until [[ $(page "$URL/healthz" 2>/dev/null) == *'"timer":"ok"'* ]]; do
        ((SECONDS < until)) || die "the page does not say that the timer runs"
        sleep 0.5
    done
}
# a_rep : arms through the page, waits for the result, prints the rep's number.
a_rep() {
    local number until=$((SECONDS + 90)) told
    page -o /dev/null --data 'posture=prone&hold=random' "$URL/arm" || page -o /dev/null --data 'posture=prone' "$URL/arm"
    number=$(page "$URL/reps.csv" | awk -F, 'NR > 1 { print $1 }' | sort -n | tail -1)
    until told=$(page "$URL/rep/$number.json") && [[ $told =~ \"state\":\ ?\"(done|false_start|aborted|failed)\" ]]; do
        ((SECONDS < until)) || die "rep $number has no result: $told"
        sleep 0.5
    done
    [[ ${BASH_REMATCH[1]} == "done" ]] || die "rep $number ended ${BASH_REMATCH[1]}: $told"
    [[ $told == *'"status":"measured"'* || $told == *'"status": "measured"'* ]] || die "rep $number is not measured"
    echo "$number"
}
reps() { page "$URL/reps.csv" | tail -n +2 | wc -l; }

# --- the story -------------------------------------------------------------------------------

need systemd-nspawn=systemd-container curl=curl ip=iproute2 nsenter=util-linux
pgrep -f "machine=$NAME" >/dev/null && { echo "another one runs" >&2; exit 1; }
make_base
unpack "$ARCHIVE" "$ROOT"
put_project "$ROOT/srv/trackstart"
step "packing, with every package (the container has no way out)"
chroot "$ROOT" env -u PIP_FIND_LINKS sh -c 'cd /srv/trackstart && ./setup.sh pack --here /srv/first.tar.gz'
mkdir "$ROOT/srv/first" && tar -C "$ROOT/srv/first" -xzf "$ROOT/srv/first.tar.gz"
rm -rf "$ROOT/srv/trackstart"
# the same as another version; and one that cannot come up
for name in second broken; do cp -a "$ROOT/srv/first" "$ROOT/srv/$name"; done
sed -i 's/^__version__ = .*/__version__ = "9.0.0"/' "$ROOT/srv/second/pi/__init__.py"
sed -i 's/^__version__ = .*/__version__ = "9.9.9"/' "$ROOT/srv/broken/pi/__init__.py"
sed -i '1i raise SystemExit("broken on purpose")' "$ROOT/srv/broken/pi/__main__.py"
for name in second broken; do tar -C "$ROOT/srv/$name" -czf "$ROOT/srv/$name.tar.gz" .; done

boot
step "install --dry-run changes nothing"
inside sh -c 'find /etc /opt /usr/lib /usr/local /var/lib -xdev ! -path "/var/lib/systemd/*" | sort; getent passwd; getent group' >"$TRACKSTART_RIG/before.txt"
inside /srv/first/setup.sh install --no-hardware --dry-run
inside sh -c 'find /etc /opt /usr/lib /usr/local /var/lib -xdev ! -path "/var/lib/systemd/*" | sort; getent passwd; getent group' | diff "$TRACKSTART_RIG/before.txt" - || die "a dry run changed something"

step "install"
inside /srv/first/setup.sh install --no-hardware
wait_for_page
for unit in trackstart-device trackstart-web; do
    [[ $(inside systemctl is-active "$unit") == active ]] || die "$unit is not up"
done
step "install again: nothing to do"
again=$(inside /srv/first/setup.sh install --no-hardware)
[[ $again == *"it runs already"* && $again != *"write "* ]] || die "a second install did something: $again"

step "systemd's judgement of the units"
for unit in trackstart-device trackstart-web trackstart-clock; do
    inside systemd-analyze verify --recursive-errors=yes "/etc/systemd/system/$unit.service"
    inside systemd-analyze security --no-pager --threshold=19 "$unit.service" | tail -1
done

step "a rep through the page"
number=$(a_rep)
echo "rep $number: $(page "$URL/rep/$number.json" | grep -o '"reaction_s": *{[^}]*}' | head -1)"

step "a phone's question for internet"
[[ $(curl -s -o /dev/null -w '%{http_code}' -H 'Host: connectivitycheck.gstatic.com' "$URL/generate_204") == 204 ]] || die "no 204"

step "a phone that tells the time: asked for, refused where the time is known"
page -o /dev/null --data "unix_s=$(date +%s)" "$URL/clock" || true
until=$((SECONDS + 20))
until inside journalctl -u trackstart-clock --no-pager -o cat | grep -q 'left alone\|set to what'; do
    ((SECONDS < until)) || die "nobody looked at what the phone said"
    sleep 0.5
done
inside journalctl -u trackstart-clock --no-pager -o cat | grep 'left alone\|set to what' | head -1

step "kill -9: each comes back"
for unit in trackstart-device trackstart-web; do
    pid=$(inside systemctl show -p MainPID --value "$unit")
    inside kill -9 "$pid"
    sleep 4
    wait_for_page
    [[ $(inside systemctl show -p MainPID --value "$unit") != "$pid" ]] || die "$unit did not come back"
done

step "a device that hangs is noticed by the watchdog"
until [[ $(inside systemctl is-active trackstart-device) == active ]]; do sleep 0.5; done
pid=$(inside systemctl show -p MainPID --value trackstart-device)
inside kill -STOP "$pid"
until=$((SECONDS + 60))
until inside journalctl -u trackstart-device --no-pager | grep -q 'Watchdog timeout'; do
    ((SECONDS < until)) || die "the watchdog did not fire"
    sleep 1
done
wait_for_page

step "reboot"
inside systemctl reboot || true
wait "$nspawn" || true # which ends with a container that asks for a reboot, to be started again
boot
wait_for_page 90
[[ $(reps) == 1 ]] || die "the rep is gone after the reboot"

step "an older version's store: update to this one, the rep is kept"
inside systemctl stop trackstart-device trackstart-web
inside sh -c 'cd /opt/trackstart/current && .venv/bin/python - <<PY
import os
import sqlite3
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

import pi

home = Path("/var/lib/trackstart")
now, old = home / "trackstart.db", home / "old.db"
config = Config()
config.set_main_option("script_location", str(Path(pi.__file__).parent / "migrations"))
with sa.create_engine(f"sqlite:///{old}").connect() as connection, connection.begin():
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")
with sqlite3.connect(old) as store:
    store.execute("attach ? as now", (str(now),))
    named = store.execute("select name from main.sqlite_master where type = ?", ("table",))
    tables = [name for name, in named]
    for table in set(tables) - {"alembic_version"}:
        columns = ", ".join(row[1] for row in store.execute(f"pragma main.table_info({table})"))
        store.execute(f"delete from main.{table}")
        store.execute(f"insert into main.{table} ({columns}) select {columns} from now.{table}")
store.close()
owner = now.stat()
for name in ("trackstart.db", "trackstart.db-wal", "trackstart.db-shm"):
    (home / name).unlink(missing_ok=True)
old.rename(now)
os.chown(now, owner.st_uid, owner.st_gid)
print("the store is that of revision 0002, with", len(tables), "tables")
PY'
inside systemctl start trackstart-device trackstart-web.socket trackstart-web
wait_for_page
[[ $(reps) == 1 ]] || die "the rep did not come through the migration"

step "update"
inside sh -c 'cd /srv/second && ./setup.sh update /srv/second.tar.gz'
wait_for_page
[[ $(inside readlink /opt/trackstart/current) == releases/9.0.0-* ]] || die "the update does not run"
[[ $(reps) == 1 ]] || die "the rep is gone after the update"
a_rep >/dev/null

step "an update that does not come up: back to the one before"
second=$(inside readlink /opt/trackstart/current)
if UP_WITHIN_S=25 inside sh -c 'cd /srv/second && ./setup.sh update /srv/broken.tar.gz'; then die "a broken update was taken for a good one"; fi
wait_for_page
[[ $(inside readlink /opt/trackstart/current) == "$second" ]] || die "it did not go back"
[[ $(reps) == 2 ]] || die "a rep is gone after the rollback"

step "uninstall leaves no trace"
inside sh -c 'cd /srv/second && ./setup.sh uninstall --purge'
inside sh -c 'find /etc /opt /usr/lib /usr/local /var/lib -xdev ! -path "/var/lib/systemd/*" | sort; getent passwd; getent group' |
    diff "$TRACKSTART_RIG/before.txt" - || die "uninstall left something"

printf '\n%s steps in a booted Debian 13, systemd %s: install, rep, kill -9, watchdog, reboot, migration, update, rollback, uninstall\n' \
    "$steps" "$(inside systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p')"
