# Makes two controllers partners in replication, and each what the other is. Runs inside the
# lab's root filesystem while both run.
# Arguments: the two controllers' DNS names, the domain's name in LDAP, login, password.
set -eu
first=$1
second=$2
base=$3
login=$4
password=$5
drs() {
    command=$1
    shift
    samba-tool drs "$command" "$@" --username="$login" --password="$password"
}
configuration="CN=Configuration,$base"
zones="DC=DomainDnsZones,$base DC=ForestDnsZones,$base"
for partition in $configuration "$base" $zones; do
    drs replicate "$second" "$first" "$partition"
done
for controller in "$first" "$second"; do
    drs kcc "$controller"
done
for partition in $configuration "$base" $zones; do
    drs replicate "$first" "$second" "$partition"
done
for partition in $configuration "$base" $zones; do
    drs replicate "$second" "$first" "$partition"
done
