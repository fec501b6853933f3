# Sourced by `up` and `down`: the cgroup below which the kubelet puts every pod. Only version 1 was tried.
CGROUP=acometida-lab

cgroup_version() {
  if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then echo 2
  elif [[ -d /sys/fs/cgroup/cpuset && -d /sys/fs/cgroup/memory ]]; then echo 1
  else echo 0; fi
}

make_cgroup() {
  local tree file
  if [[ $(cgroup_version) -eq 2 ]]; then
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    for tree in /sys/fs/cgroup "/sys/fs/cgroup/$CGROUP"; do
      echo "+cpu +cpuset +memory +pids" >"$tree/cgroup.subtree_control"
    done
    return
  fi
  for tree in /sys/fs/cgroup/*/; do  # one tree for each controller, and the kubelet wants its root in all of them
    [[ $tree == */unified/ ]] || mkdir -p "$tree/$CGROUP"
  done
  for file in cpuset.cpus cpuset.mems; do
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$CGROUP/$file"
  done
}

# Every folder of the lab's cgroups; they can be removed once their last process has ended.
cgroup_folders() {
  local tree
  for tree in "/sys/fs/cgroup/$CGROUP" /sys/fs/cgroup/*/"$CGROUP"; do [[ ! -d $tree ]] || echo "$tree"; done
}
