# shellcheck shell=sh disable=SC2034,SC2154 # One program in several files: what one sets, another reads.
# Sourced. The kernel modules: built in the package, then given to DKMS, or installed when it has no part in it.

findSources() {
  kernel=${option_kernel_name:-$(uname -r)}
  if [ "$kernel" != "$(uname -r)" ]; then isLoadSkipped=1; fi
  sources=${option_kernel_source_path:-${SYSSRC:-}}
  if [ -n "$sources" ]; then
    say "Using the kernel source path '$sources' as specified."
  else
    for folder in "/lib/modules/$kernel/source" "/lib/modules/$kernel/build" "/usr/src/linux-$kernel" /usr/src/linux; do
      if [ -d "$folder" ]; then
        sources=$folder
        break
      fi
    done
  fi
  hint="Please make sure you have installed the kernel source files for your kernel, for example with the package linux-headers-$kernel."
  if [ -z "$sources" ]; then giveUp "Unable to find the kernel source tree for the currently running kernel.  $hint"; fi
  case $sources in /usr | /usr/) giveUp "The kernel source path '$sources' is invalid.  $hint" ;; esac
  if [ ! -d "$sources" ]; then giveUp "The kernel source path '$sources' does not exist.  $hint"; fi
  if [ ! -e "$sources/include/linux/kernel.h" ]; then
    giveUp "The kernel header file '$sources/include/linux/kernel.h' does not exist.  $hint"
  fi
  output=${option_kernel_output_path:-$sources}
  if [ ! -e "$output/include/linux/version.h" ] && [ ! -e "$output/include/generated/uapi/linux/version.h" ]; then
    giveUp "The kernel source files in '$output' have not been configured."
  fi
  say "Kernel source path: '$sources'"
  say "Kernel output path: '$output'"
}

chooseModules() {
  modules=nvidia
  for module in nvidia-uvm:no_unified_memory nvidia-modeset: nvidia-drm:no_drm nvidia-peermem:no_peermem; do
    if [ -n "${module#*:}" ] && optionIs "${module#*:}" 1; then
      warn "The ${module%%:*} module will not be installed."
    else
      modules="$modules ${module%%:*}"
    fi
  done
}

buildModules() {
  say 'Cleaning kernel module build directory.'
  say 'Building kernel modules'
  jobs=${option_concurrency_level:-$(nproc)}
  makeLog=$PWD/make.log
  if ! make -C "$buildDirectory" "-j$jobs" SYSSRC="$sources" NV_KERNEL_MODULES="$modules" modules >"$makeLog" 2>&1; then
    cat "$makeLog" >>"$logFile"
    giveUp "An error occurred while performing the step: \"Building kernel modules\". See $logFile for details."
  fi
  cat "$makeLog" >>"$logFile"
  for module in $modules; do
    if [ ! -e "$buildDirectory/$module.ko" ]; then giveUp "The $module kernel module was not created."; fi
  done
  say 'Kernel module compilation complete.'
}

# No kernel can load what holds no code, and a machine of the lab must not try: the kernel is its host's.
testModules() {
  if [ "$isLoadSkipped" = 0 ]; then
    giveUp "Unable to load the kernel module 'nvidia.ko': the lab's stand-in can be built for a kernel that does not run, and loaded by none."
  fi
}

# shellcheck disable=SC2016 # DKMS's variable
dkmsConf() {
  printf 'PACKAGE_NAME="nvidia"\nPACKAGE_VERSION="%s"\nAUTOINSTALL="yes"\n' "$version"
  printf 'MAKE[0]="make -j%s SYSSRC=${kernel_source_dir} NV_KERNEL_MODULES=\047%s\047 modules"\n' "$jobs" "$modules"
  printf 'CLEAN="make SYSSRC=${kernel_source_dir} clean"\n'
  index=0
  for module in $modules; do
    printf 'BUILT_MODULE_NAME[%s]="%s"\nDEST_MODULE_LOCATION[%s]="/kernel/drivers/video"\n' "$index" "$module" "$index"
    index=$((index + 1))
  done
}

copySources() {
  mkdir -p "$1"
  for file in "$buildDirectory"/Kbuild "$buildDirectory"/Makefile "$buildDirectory"/*.[ch]; do
    # What modpost wrote is no source.
    case $file in *.mod.c) ;; *) cp "$file" "$1" ;; esac
  done
  dkmsConf >"$1/dkms.conf"
}

# As an archive that DKMS takes as its own, with what was built: nothing is compiled twice.
registerWithDkms() {
  isRegistered=0
  if ! optionIs dkms 1 1 || optionIs no_kernel_module_source 1 || ! command -v dkms >/dev/null; then return; fi
  archive=$PWD/dkms
  built=$archive/dkms_main_tree/$kernel/$(uname -m)
  mkdir -p "$built/log" "$built/module"
  echo 2.0.0 >"$archive/dkms_main_tree/dkms_dbversion"
  cp "$makeLog" "$built/log/make.log"
  for module in $modules; do cp "$buildDirectory/$module.ko" "$built/module"; done
  copySources "$archive/dkms_source_tree"
  tar -C "$archive" -cf dkms.tar .
  noDepmod=
  if dkms --help 2>&1 | grep -q -- --no-depmod; then noDepmod=--no-depmod; fi
  if dkms ldtarball "$PWD/dkms.tar" >>"$logFile" 2>&1 &&
    dkms install $noDepmod -m nvidia -v "$version" -k "$kernel" >>"$logFile" 2>&1 &&
    dkms status -m nvidia -v "$version" -k "$kernel" | grep -q ': installed'; then
    isRegistered=1
    say 'Registering the kernel modules with DKMS: done.'
  else
    warn 'Failed to register the NVIDIA kernel modules with DKMS. The NVIDIA kernel modules will be installed, but will not be automatically rebuilt if you change your kernel.'
  fi
}
