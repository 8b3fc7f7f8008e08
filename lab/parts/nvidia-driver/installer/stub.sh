#!/bin/sh
# The lab's stand-in of NVIDIA-Linux-x86_64-@LABEL@.run: this script, and behind it a packed folder that holds the installer. Not NVIDIA's.
label='NVIDIA Accelerated Graphics Driver for Linux-x86_64 @VERSION@'
folder=NVIDIA-Linux-x86_64-@LABEL@
lines=@LINES@
payload=@SHA256@
file=$0
temporary=${TMPDIR:-/tmp}
isKept=0
isRun=1
target=

say() {
  printf '%s\n' "$1"
}

check() {
  printf 'Verifying archive integrity... '
  if [ "$(tail -n "+$((lines + 1))" "$file" | sha256sum | cut -d ' ' -f 1)" != "$payload" ]; then
    say 'Error in check sums: the file is not whole.' >&2
    exit 2
  fi
  say OK
}

# Only what is the wrapper's own is taken out; the installer gets the rest.
count=$#
while [ "$count" -gt 0 ]; do
  argument=$1
  shift
  count=$((count - 1))
  case $argument in
    --info)
      say "Identification: $label"
      say "Target directory: $folder"
      exit 0
      ;;
    --check)
      check
      exit 0
      ;;
    -x | --extract-only) isRun=0 isKept=1 ;;
    --keep) isKept=1 ;;
    --target)
      target=$1
      shift
      count=$((count - 1))
      isKept=1
      ;;
    --apply-patch | --add-this-kernel | --lsm | --embedded-script)
      say "$argument is known to NVIDIA's package; the lab's stand-in was not taught it." >&2
      exit 1
      ;;
    --tmpdir=*)
      temporary=${argument#*=}
      set -- "$@" "$argument"
      ;;
    *) set -- "$@" "$argument" ;;
  esac
done

if [ "$isKept" = 1 ]; then
  target=${target:-$folder}
  if [ -e "$target" ]; then
    say "The directory '$target' already exists." >&2
    exit 1
  fi
  mkdir -p "$target"
else
  target=$(mktemp -d "$temporary/selfgz.XXXXXX") || exit 1
  trap 'rm -rf "$target"' EXIT
  trap 'exit 1' INT TERM HUP
fi
check
say "Uncompressing $label"
tail -n "+$((lines + 1))" "$file" | tar -xzf - -C "$target" --no-same-owner --strip-components=1 || exit 1
if [ "$isRun" = 0 ]; then exit 0; fi
sh "$target/nvidia-installer" "$@"
exit $?
