# Makes a minimal Debian in a directory. Runs in mount and process spaces of its own, so that
# what debootstrap mounts is gone with it, however it ends.
# Arguments: the directory, the mirror, the keyring.
set -eu
exec debootstrap --variant=minbase --keyring="$3" trixie "$1" "$2"
