# shellcheck shell=bash
# Sourced by the rig's parts: Debian in a folder, made once and kept as an archive.

export PROJECT
PROJECT=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")

# need COMMAND=PACKAGE... : installs the packages whose command is not there.
need() {
    local each missing=()
    for each in "$@"; do command -v "${each%%=*}" >/dev/null || missing+=("${each#*=}"); done
    ((${#missing[@]})) || return 0
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
}

# base SUITE ARCH : prints an archive of a bare Debian of that kind that knows this machine's mirrors.
base() {
    local suite=$1 arch=$2 archive=$TRACKSTART_RIG/base-$1-$2.tar folder
    if [[ ! -s $archive ]]; then
        need debootstrap=debootstrap >&2
        folder=$(mktemp -d "$TRACKSTART_RIG/making.XXXX")
        chmod 755 "$folder" # apt downloads as a user of its own
        debootstrap --variant=minbase --arch="$arch" --include=ca-certificates "$suite" "$folder" \
            >&2
        cp -a /etc/apt/apt.conf.d/. "$folder/etc/apt/apt.conf.d/" 2>/dev/null || true
        cp /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
        tar -C "$folder" --one-file-system -cf "$archive.part" .
        mv "$archive.part" "$archive"
        rm -rf --one-file-system "$folder"
    fi
    echo "$archive"
}

# unpack ARCHIVE FOLDER : a fresh copy of it.
unpack() {
    rm -rf --one-file-system "$2"
    mkdir -p "$2"
    tar -C "$2" -xf "$1"
}
