# Runs a command inside the root filesystem, with a domain at /domain. Runs in mount and process
# spaces of its own: every mount here is gone when the last process is.
# Arguments: the root filesystem, the domain's directory, then the command.
set -eu
root=$1
domain=$2
shift 2
# Several labs share the root filesystem, so nobody writes to it.
mount --rbind "$root" "$root"
mount -o remount,bind,ro "$root"
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"
for directory in tmp run var/log/samba var/lib/samba var/cache/samba; do
    mount -t tmpfs tmpfs "$root/$directory"
done
mount --bind "$domain" "$root/domain"
mount --bind "$domain/hosts" "$root/etc/hosts"
mount --bind "$domain/resolv.conf" "$root/etc/resolv.conf"
exec chroot "$root" "$@"
