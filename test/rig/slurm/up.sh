#!/usr/bin/env bash
# Bring up a private single-host Slurm cluster (munged + slurmctld + N slurmd [+ slurmdbd/mariadb]) for tests.
#   SLURM_ROOT   state dir             (default /tmp/pipe-slurm)
#   SLURM_NODES  number of slurmd      (default 2)
#   SLURM_GPUS   fake GPUs per node    (default 2)
#   SLURM_CPUS   advertised CPUs/node  (default 4)
#   SLURM_PORT   base port             (default 16800; ctld=base, dbd=base+1, slurmd=base+10+i)
#   SLURM_DB     1 = slurmdbd+mariadb so that sacct works (default 0)
#   SLURM_NODE_TIMEOUT  seconds until a silent slurmd is DOWN (default 10)
#   SLURM_KILLWAIT      seconds from TERM to KILL (default 5)
#   SLURM_MINJOBAGE     seconds that an ended job stays known (default 30)
#   SLURM_PROCTRACK     auto, cgroup or pgid (default auto)
#   SLURM_CRED_EXPIRE  seconds a requeued job waits before it may start again (default 10; Slurm's own: 120)
#   SLURM_NODE_PREFIX  words put before each slurmd, such as a script that gives node $SLURM_NODE a mount of its own (default none)
#   SLURM_TRACE        1 = record what processes of the nodes open, in log/opens.n1 and so on (default 0)
# Exits with 4 where the packages for SLURM_DB=1 or SLURM_TRACE=1 can't be installed.
# Prints on the last line: export SLURM_CONF=...   (eval it)
# Restart one daemon: scripts in $SLURM_ROOT/run/{slurmctld,slurmdbd,n1,n2,...}.start; its pid: $SLURM_ROOT/run/{slurmctld,slurmdbd,n1,...}.pid
set -euo pipefail
R=${SLURM_ROOT:-/tmp/pipe-slurm}; N=${SLURM_NODES:-2}; G=${SLURM_GPUS:-2}; C=${SLURM_CPUS:-4}
P=${SLURM_PORT:-16800}; DB=${SLURM_DB:-0}; H=$(hostname -s)
T0=$(date +%s.%N); say(){ printf '[up %6.2fs] %s\n' "$(echo "$(date +%s.%N) - $T0" | awk '{print $1-$3}')" "$*" >&2; }
waitfor(){ # waitfor SECONDS DESC CMD...
  local t=$1 d=$2; shift 2; local end=$(( $(date +%s%N)/1000000 + t*1000 ))
  until "$@" >/dev/null 2>&1; do
    if [ $(( $(date +%s%N)/1000000 )) -ge $end ]; then say "TIMEOUT: $d"; tail -n 15 "$R"/log/*.log >&2; exit 1; fi; sleep 0.05; done; say "$d"; }
install(){ # install PACKAGES...
  say "apt: $*"; ( flock 9; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq --no-install-recommends "$@" >/dev/null ) 9> /tmp/pipe-slurm-install.lock; }
for b in slurmctld slurmd sbatch munged; do command -v $b >/dev/null || { install slurm-wlm munge slurm-wlm-basic-plugins; break; }; done
# the core packages start no service of the machine
if [ "$DB" = 1 ]; then for b in slurmdbd mariadbd mariadb; do command -v $b >/dev/null || { install slurmdbd mariadb-server-core mariadb-client-core || exit 4; break; }; done; fi
TRACE=${SLURM_TRACE:-0}; if [ "$TRACE" = 1 ]; then command -v strace >/dev/null || install strace || exit 4; fi
[ -e "$R/pids" ] && { say "already up? run down.sh first"; exit 1; }
mkdir -p "$R"/{etc,log,state,spool,run,dev,jobs}; chmod 755 "$R" "$R"/*; mkdir -p "$R/munge"; chmod 700 "$R/munge"; : > "$R/pids"
# process tracking: cgroup (like real clusters; kills escaped grandchildren) if a v1 freezer or v2 hierarchy is writable, else pgid
PT=${SLURM_PROCTRACK:-auto}
if [ $PT = auto ]; then if mkdir -p /sys/fs/cgroup/freezer/slurm_probe_$$ 2>/dev/null && rmdir /sys/fs/cgroup/freezer/slurm_probe_$$; then PT=cgroup; else PT=pgid; fi; fi
# --- munge: own key, own socket (no system user, no /run/munge)
[ -f "$R/munge/key" ] || { dd if=/dev/urandom of="$R/munge/key" bs=128 count=1 status=none; chmod 600 "$R/munge/key"; }
munged --force --key-file="$R/munge/key" --socket="$R/run/munge.sock" --pid-file="$R/run/munged.pid" \
  --log-file="$R/munge/munged.log" --seed-file="$R/munge/seed" --num-threads=2 2>"$R/munge/stderr.log"
waitfor 60 "munge" munge -n -S "$R/run/munge.sock"; cat "$R/run/munged.pid" >> "$R/pids"
# --- slurm.conf
export SLURM_CONF="$R/etc/slurm.conf"
ACCT="AccountingStorageType=accounting_storage/none"; 
[ "$DB" = 1 ] && ACCT="AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((P+1))
AccountingStoragePass=$R/run/munge.sock
AccountingStorageTRES=gres/gpu"
cat > "$SLURM_CONF" <<CONF
ClusterName=test
# clusters of one machine share its control groups, where a job goes by its node and id: equal ids would end each other's jobs
FirstJobId=$((P * 1000))
SlurmctldHost=$H(127.0.0.1)
SlurmctldPort=$P
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$R/run/munge.sock,cred_expire=${SLURM_CRED_EXPIRE:-10}
CredType=cred/munge
StateSaveLocation=$R/state
SlurmdSpoolDir=$R/spool/%n
SlurmctldPidFile=$R/run/slurmctld.pid
SlurmdPidFile=$R/run/slurmd.%n.pid
SlurmctldLogFile=$R/log/slurmctld.log
SlurmdLogFile=$R/log/slurmd.%n.log
SlurmctldDebug=info
SlurmdDebug=info
ProctrackType=proctrack/$PT
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
PropagateResourceLimits=NONE
ReturnToService=2
SlurmdTimeout=${SLURM_NODE_TIMEOUT:-10}
SlurmctldTimeout=10
MessageTimeout=5
InactiveLimit=0
KillWait=${SLURM_KILLWAIT:-5}
UnkillableStepTimeout=20
MinJobAge=${SLURM_MINJOBAGE:-30}
MaxArraySize=1001
GresTypes=gpu
JobCompType=jobcomp/filetxt
JobCompLoc=$R/log/jobcomp.txt
$ACCT
CONF
: > "$R/etc/gres.conf"; for ((g=0; g<G; g++)); do rm -f "$R/dev/fakegpu$g"; mknod "$R/dev/fakegpu$g" c 1 3; done  # must be char devices, else no CUDA_VISIBLE_DEVICES
for ((i=1;i<=N;i++)); do
  if [ "$G" -gt 0 ]; then
    f="$R/dev/fakegpu0"; [ "$G" -gt 1 ] && f="$R/dev/fakegpu[0-$((G-1))]"
    echo "NodeName=n$i Name=gpu Type=fake File=$f" >> "$R/etc/gres.conf"; gres="Gres=gpu:fake:$G"; else gres=""; fi
  echo "NodeName=n$i NodeHostname=$H NodeAddr=127.0.0.1 Port=$((P+10+i)) CPUs=$C RealMemory=4000 $gres State=UNKNOWN" >> "$SLURM_CONF"
done
echo "PartitionName=main Nodes=ALL Default=YES MaxTime=1-00:00:00 State=UP" >> "$SLURM_CONF"
printf 'CgroupMountpoint=/sys/fs/cgroup\nCgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainCores=no\nConstrainRAMSpace=no\nConstrainDevices=no\n' > "$R/etc/cgroup.conf"
# daemons in foreground mode, put into the background by us, so that we own the pids; a script each, so that tests can kill one and start it again
daemon(){ # daemon NAME WORDS... (its log: log/NAME.out)
  local name=$1; shift
  { echo '#!/usr/bin/env bash'; echo "export SLURM_CONF='$SLURM_CONF' SLURM_NODE='$name'"
    echo "nohup $* >>'$R/log/$name.out' 2>&1 </dev/null &"; echo "echo \$! >>'$R/pids'; echo \$! >'$R/run/$name.pid'"; } > "$R/run/$name.start"
  chmod +x "$R/run/$name.start"; "$R/run/$name.start"; }
# --- accounting
if [ "$DB" = 1 ]; then
  if [ ! -d "$R/mysql/mysql" ]; then mkdir -p "$R/mysql"; mariadb-install-db --no-defaults --user=root --datadir="$R/mysql" --auth-root-authentication-method=normal --skip-test-db >"$R/log/mysql-install.log" 2>&1; say "mariadb-install-db"; fi
  mariadbd --no-defaults --user=root --datadir="$R/mysql" --socket="$R/run/mysql.sock" --skip-networking --pid-file="$R/run/mysql.pid" \
     --innodb-buffer-pool-size=64M --innodb-flush-log-at-trx-commit=0 --innodb-lock-wait-timeout=900 >"$R/log/mysqld.log" 2>&1 < /dev/null &
  echo $! >> "$R/pids"; waitfor 60 "mariadbd" mariadb --no-defaults -uroot --socket="$R/run/mysql.sock" -e "select 1"
  cat > "$R/etc/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$R/run/munge.sock
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((P+1))
SlurmUser=root
LogFile=$R/log/slurmdbd.log
PidFile=$R/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct
CONF
  chmod 600 "$R/etc/slurmdbd.conf"
  daemon slurmdbd env MYSQL_UNIX_PORT="$R/run/mysql.sock" slurmdbd -D
  waitfor 60 "slurmdbd" timeout 5 sacctmgr -n show cluster
  sacctmgr -i add cluster test >/dev/null 2>&1 || true
fi
# --- the cluster's daemons
daemon slurmctld slurmctld -D -f "$SLURM_CONF"
waitfor 60 "slurmctld" scontrol ping
for ((i=1;i<=N;i++)); do
  trace=""; [ "$TRACE" = 1 ] && trace="strace -f -qq -e trace=open,openat,creat -o $R/log/opens.n$i"
  daemon n$i ${SLURM_NODE_PREFIX:-} $trace slurmd -D -N n$i -f "$SLURM_CONF"
done
all_idle(){ [ "$(sinfo -h -N -t idle -o %N | sort -u | wc -l)" -ge "$N" ]; }
waitfor 60 "all $N nodes idle" all_idle
echo "export SLURM_CONF=$SLURM_CONF"
