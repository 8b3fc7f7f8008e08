# shellcheck shell=sh disable=SC2034,SC2154 # One program in several files: what one sets, another reads.
# Sourced. What is installed beside the modules, and the list by which nvidia-uninstall takes it away.

record=/var/lib/nvidia/log

runHook() {
  hook=/usr/lib/nvidia/$1
  if optionIs no_distro_scripts 1 || [ ! -x "$hook" ]; then return 0; fi
  say "Executing: $hook"
  "$hook" >>"$logFile" 2>&1
}

showInstalled() {
  if [ -e "$record" ]; then
    printf 'The currently installed driver is: %s (version: %s).\n' "$(sed -n 2p "$record")" "$(sed -n 1p "$record")"
  else
    echo 'There is no NVIDIA driver currently installed.'
  fi
}

removeInstalled() {
  if [ ! -e "$record" ]; then return; fi
  say "There appears to already be a driver installed on your system (version: $(sed -n 1p "$record")).  As part of installing this driver (version: $version), the existing driver will be uninstalled. (Answer: Continue installation)"
  if ! nvidia-uninstall --silent --skip-depmod; then giveUp 'Uninstallation of the existing driver failed.'; fi
}

# put <mode> <from> <to>
put() {
  mkdir -p "$(dirname "$3")"
  install -m "$1" "$2" "$3" || giveUp "Unable to create '$3'."
  echo "$3" >>"$record"
}

installFiles() {
  mkdir -p "$(dirname "$record")"
  chmod 700 "$(dirname "$record")"
  printf '%s\n%s\n' "$version" "$description" >"$record"
  say "Installing '$description' ($version):"
  while read -r mode from to; do put "$mode" "userland/$from" "$to"; done <files
  while read -r path to; do
    mkdir -p "$(dirname "$path")"
    ln -sfn "$to" "$path"
    echo "$path" >>"$record"
  done <links
  put 755 nvidia-uninstall /usr/bin/nvidia-uninstall
  if [ "$(cat kind)" = grid ]; then put 644 gridd.conf.template /etc/nvidia/gridd.conf.template; fi
  if [ "$noModules" = 1 ] || [ "$isRegistered" = 1 ]; then return; fi
  for module in $modules; do put 644 "$buildDirectory/$module.ko" "/lib/modules/$kernel/kernel/drivers/video/$module.ko"; done
  if ! optionIs no_kernel_module_source 1; then
    copySources "/usr/src/nvidia-$version"
    echo "/usr/src/nvidia-$version" >>"$record"
  fi
}
