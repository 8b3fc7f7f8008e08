# shellcheck shell=sh disable=SC2034,SC2154 # One program in several files: what one sets, another reads.
# Sourced. What is said, and where: warnings and errors to stderr whatever was asked for, everything to the log.

isSilent=0
isLogging=0

note() {
  if [ "$isLogging" = 1 ]; then printf '%s\n' "$1" >>"$logFile"; fi
}

say() {
  note "-> $1"
  if [ "$isSilent" = 0 ]; then printf '%s\n' "-> $1"; fi
}

warn() {
  note "WARNING: $1"
  printf '\nWARNING: %s\n\n' "$1" >&2
}

complain() {
  note "ERROR: $1"
  printf '\nERROR: %s\n\n' "$1" >&2
}

# The end of an installation that had begun.
giveUp() {
  complain "$1"
  complain "Installation has failed.  Please see the file '$logFile' for details."
  exit 1
}

untaught() {
  complain "$1 is known to NVIDIA's installer; the lab's stand-in was not taught it (lab/parts/nvidia-driver/README.md)."
  exit 1
}

beginLog() {
  # Not `:`, whose failure would end the shell.
  if true 2>/dev/null >"$logFile"; then
    isLogging=1
    note "nvidia-installer log file '$logFile'"
    note "creation time: $(date)"
    note "installer version: $version (the lab's stand-in)"
    note ''
    note "PATH: ${PATH:-}"
    note ''
    note 'nvidia-installer command line:'
    for argument in ./nvidia-installer "$@"; do note "    $argument"; done
    note ''
  else
    echo "nvidia-installer: Error opening log file '$logFile' for writing; disabling logging." >&2
  fi
}
