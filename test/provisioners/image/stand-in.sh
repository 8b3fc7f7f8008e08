#!/bin/sh
# Stands in for whatever would reach out of the layer, under each of the names; what it installs are units and a runc.
installed=/run/given/installed
units=/usr/lib/systemd/system
fingerprint=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA

versionOf() {
  sed -n "s/^$1 //p" /run/given/versions | head -n 1
}

install_packages() {
  for word in "$@"; do
    name=${word##*/}
    name=${name%.deb}
    case $word in -*) ;; *) echo "${name%%=*}" >>"$installed" ;; esac
  done
  # Nothing is known of dependencies, so there is one with whatever comes.
  for unit in docker.service docker.socket containerd.service ecs.service nvidia-cdi-refresh.path \
    nvidia-cdi-refresh.service; do
    if [ ! -e "$units/$unit" ]; then printf '[Install]\nWantedBy=multi-user.target\n' >"$units/$unit"; fi
  done
  # dpkg unpacks it where it is diverted to.
  for runc in /usr/bin/runc /usr/sbin/runc; do
    if [ "$(dpkg-divert --truename "$runc")" != "$runc" ]; then echo runc >"$runc.distrib"; fi
  done
}

download() {
  while [ "$1" != --output ]; do shift; done
  case $url in *.run) cp /run/given/driver.run "$2" ;; *) echo "$url" >"$2" ;; esac
}

# The bundle of the lab's AWS CLI, with a program that knows nothing but its version.
unpack_aws() {
  while [ "$1" != -d ]; do shift; done
  mkdir -p "$2/aws/dist"
  cp /run/given/install.sh "$2/aws/install"
  for program in aws aws_completer; do
    printf '#!/bin/sh\necho "aws-cli/%s Python/3"\n' "$(versionOf aws-cli)" >"$2/aws/dist/$program"
    chmod 755 "$2/aws/dist/$program"
  done
  chmod 755 "$2/aws/install"
}

query() {
  if [ "$1" = --search ]; then
    echo "agent: $2"
    return
  fi
  shift 2
  for name in "$@"; do
    if grep -qsFx -- "$name" "$installed"; then
      version=$(versionOf "$name")
      echo "ii |$name|${version:-1}"
    fi
  done
}

case ${0##*/} in
  systemctl)
    # Of units it knows what is in files; nothing runs.
    case $1 in enable | disable | mask | is-enabled) SYSTEMD_OFFLINE=1 exec /usr/bin/systemctl "$@" ;; esac
    ;;
  sudo) exec "$@" ;;
  apt-get) case " $* " in *' install '*) install_packages "$@" ;; esac ;;
  dpkg-query) query "$@" ;;
  dpkg-deb) echo 'ecs-agent-lab-stand-in 1' ;;
  curl)
    url=$1
    download "$@"
    ;;
  unzip) unpack_aws "$@" ;;
  gpg)
    case " $* " in
      *' --show-keys '*) printf 'pub:\nfpr:::::::::%s:\n' "$fingerprint" ;;
      *' --verify '*) echo "[GNUPG:] VALIDSIG x x 1 x x x x x x $fingerprint" ;;
    esac
    ;;
  id) echo docker ;;
  systemd-detect-virt) echo test ;;
  modinfo)
    [ -e /usr/bin/nvidia-smi ] || exit 1
    case " $* " in *' vermagic '*) echo '99.0.0-test SMP' ;; *) versionOf nvidia-driver ;; esac
    ;;
  dkms) echo "nvidia/$(versionOf nvidia-driver), 99.0.0-test, x86_64: installed" ;;
  nvidia-ctk) case " $* " in *' config '*) mkdir -p /etc/nvidia-container-runtime && echo >"$3" ;; esac ;;
esac
