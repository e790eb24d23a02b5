#!/usr/bin/env bash
# Runs a program by several processes on two "machines" of this one: network namespaces with host names of their own,
# joined by a link of limited rate. Shows what a network changes, without one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: scripts/cluster.sh [--rate RATE] [--slots N] PROGRAM [ARGUMENT...]
Starts PROGRAM with mpirun on two machines, N processes each. Needs root, Open MPI and iproute2.
  --rate RATE   of the link, as tc spells it (default: 1gbit)
  --slots N     processes per machine (default: 1)
Example: scripts/cluster.sh --rate 1gbit build/bin/train_mura --data DIR --out DIR --threads 1"

cluster_packages=(
  "iproute2    |ip     |iproute2 (ip, tc)"
  "openmpi-bin |mpirun |Open MPI's launcher (mpirun)"
)

rate=1gbit
slots=1
while (($# > 0)); do
  case $1 in
    --help | -h) echo "$usage" && exit 0 ;;
    --rate | --slots)
      (($# >= 2)) || { echo "cluster.sh: $1 needs a value" >&2 && exit 2; }
      declare "${1#--}=$2"
      shift 2
      ;;
    -*) echo "cluster.sh: $1: there is no such option
$usage" >&2 && exit 2 ;;
    *) break ;;
  esac
done
(($# > 0)) || { echo "$usage" >&2 && exit 2; }
is_root || fail "making network namespaces needs root"
install_packages "${cluster_packages[@]}"

# The names are those of this call, so that several may run.
id=$$
machines=("osteon$id-0" "osteon$id-1")
addresses=(10.77.0.1 10.77.0.2)
scratch=$(mktemp -d)
leave() {
  for machine in "${machines[@]}"; do ip netns delete "$machine" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap leave EXIT

for machine in "${machines[@]}"; do ip netns add "$machine"; done
ip link add link0 netns "${machines[0]}" type veth peer name link0 netns "${machines[1]}"
for i in 0 1; do
  ip -n "${machines[i]}" address add "${addresses[i]}/24" dev link0
  ip -n "${machines[i]}" link set lo up
  ip -n "${machines[i]}" link set link0 up
  ip netns exec "${machines[i]}" tc qdisc add dev link0 root tbf rate "$rate" burst 256kbit latency 100ms \
    || fail "tc does not know the rate $rate"
done

# What mpirun calls in the place of ssh: agent ADDRESS COMMAND...
cat >"$scratch/agent" <<END
#!/bin/sh
case \$1 in
  ${addresses[0]}) machine=${machines[0]} ;;
  *) machine=${machines[1]} ;;
esac
shift
exec ip netns exec "\$machine" unshare --uts sh -c "hostname \$machine; \$*"
END
chmod +x "$scratch/agent"
printf '%s slots='"$slots"'\n' "${addresses[@]}" >"$scratch/hosts"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
"$scratch/agent" "${addresses[0]}" mpirun --hostfile "$scratch/hosts" -n $((2 * slots)) --oversubscribe \
  --mca plm_rsh_agent "$scratch/agent" --mca plm_rsh_no_tree_spawn 1 \
  --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
  "$(printf '%q ' "$@")"
