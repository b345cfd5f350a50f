# Installs Samba into the root filesystem; runs in spaces of its own.
# Arguments: the root filesystem, the suite that Samba comes from.
set -eu
root=$1
suite=$2
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
chroot "$root" apt-get -q update
# A lab that is killed while it installs throws the whole directory away: no need to sync.
chroot "$root" apt-get -q install --yes --no-install-recommends \
    -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -t "$suite" \
    samba-ad-dc samba samba-ad-provision samba-dsdb-modules winbind
chroot "$root" apt-get clean
rm -rf "$root"/var/lib/apt/lists/*
mkdir -p "$root/domain"
chroot "$root" samba --version > "$root/etc/passback-lab-samba"
