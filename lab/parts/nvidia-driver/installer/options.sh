# shellcheck shell=sh disable=SC2034,SC2154 # One program in several files: what one sets, another reads.
# Sourced. The command line, as the real installer reads it: `options` beside this file has its table, a line an option: name, short form (or -),
# whether it takes something, and what the stand-in does with it.

invalidCommandLine() {
  complain "Invalid commandline, please run \`./nvidia-installer --help\` for usage information."
  exit 1
}

invalid() {
  echo "./nvidia-installer: $1" >&2
  invalidCommandLine
}

# findOption <name>: sets the option's name, kind and use, and whether it was negated. One that may be negated is found with `no-` in front.
findOption() {
  negated=0
  while read -r optionName short kind use; do
    if [ "${#1}" = 1 ]; then
      if [ "$short" = "$1" ]; then return 0; fi
    elif [ "$optionName" = "$1" ]; then
      return 0
    elif [ "$kind" = bool ] && [ "no-$optionName" = "$1" ]; then
      negated=1
      return 0
    fi
  done <options
  return 1
}

# Several short options in one word, none of which takes anything.
areShort() {
  rest=$1
  while [ -n "$rest" ]; do
    after=${rest#?}
    findOption "${rest%"$after"}" || return 1
    case $kind in string | int) return 1 ;; esac
    rest=$after
  done
}

# Values are in variables named after the options: option_kernel_name.
keep() {
  case $use in
    untaught) untaught "--$optionName" ;;
    deprecated) warn "The '--$optionName' option is deprecated:  nvidia-installer will ignore this option." ;;
    moot) moot="$moot --$optionName" ;;
  esac
  variable=option_$(printf '%s' "$optionName" | tr - _)
  eval "$variable=\$1"
}

# optionIs <name> <value> [<its default>]
optionIs() {
  eval "[ \"\${option_$1:-${3:-}}\" = \"\$2\" ]"
}

parse() {
  moot=
  while [ $# -gt 0 ]; do
    word=$1
    shift
    case $word in
      --) break ;;
      --*) name=${word#--} ;;
      -?*) name=${word#-} ;;
      *) invalid "invalid option: \"$word\"" ;;
    esac
    hasValue=0
    value=
    case $name in
      *=*)
        hasValue=1
        value=${name#*=}
        name=${name%%=*}
        ;;
    esac
    if ! findOption "$name"; then
      if [ "$hasValue" = 0 ] && areShort "$name"; then
        after=${name#?}
        set -- "-${name%"$after"}" "-$after" "$@"
        continue
      elif [ "${name#j[0-9]}" != "$name" ]; then
        set -- "-j=${name#j}" "$@"
        continue
      fi
      invalid "unrecognized option: \"$word\""
    fi
    case $kind in
      string | int)
        if [ "$hasValue" = 0 ]; then
          if [ $# = 0 ]; then invalid "option \"$word\" requires an argument."; fi
          value=$1
          shift
        fi
        if [ -z "$value" ]; then invalid "option \"$word\" requires an argument."; fi
        case $kind-$value in
          int-*[!0-9-]*) invalid "\"$value\" is not a valid argument for option \"$word\"." ;;
        esac
        keep "$value"
        ;;
      *)
        if [ "$hasValue" = 1 ]; then
          invalid "option \"$word\" does not take an argument, but was given an argument of \"$value\"."
        fi
        keep $((1 - negated))
        ;;
    esac
  done
}

# The installer's own checks of what it was given, as far as it makes them while it reads.
checkOptions() {
  buildDirectory=
  case ${option_kernel_module_type:-} in
    '') ;;
    [oO]*) buildDirectory=kernel-open ;;
    [pP]*) buildDirectory=kernel ;;
    *)
      complain "'$option_kernel_module_type' is not a valid kernel module type."
      invalidCommandLine
      ;;
  esac
  named=${option_kernel_module_build_directory:-$buildDirectory}
  if [ -n "$buildDirectory" ] && [ "$named" != "$buildDirectory" ]; then
    complain "Conflicting options set the kernel module build directory to both '$buildDirectory' and '$named'. Please use only one."
    invalidCommandLine
  fi
  buildDirectory=${named:-$(recommendedDirectory)}
  case $buildDirectory in
    kernel | kernel-open) ;;
    *)
      complain "'$buildDirectory' is not a valid kernel module directory."
      invalidCommandLine
      ;;
  esac
  if [ ! -d "$buildDirectory" ]; then
    complain "The kernel module build directory '$buildDirectory' is not present in this installer package."
    invalidCommandLine
  fi
  if optionIs install_compat32_libs 1 0; then untaught '--install-compat32-libs'; fi
  case ${option_ui:-none} in
    none) ;;
    *) untaught "--ui=$option_ui" ;;
  esac
}

printHelp() {
  echo "nvidia-installer:  version $version (the lab's stand-in)"
  echo
  echo './nvidia-installer [options]'
  echo
  while read -r optionName short kind use; do
    case $optionName in
      version | help | advanced-options) ;;
      *) if [ "$1" = common ]; then continue; fi ;;
    esac
    printf '  %s--%s' "$([ "$short" = - ] || printf -- '-%s, ' "$short")" "$optionName"
    case $kind in
      string | int) printf '=%s' "$(printf '%s' "$optionName" | tr 'a-z-' 'A-Z_')" ;;
      bool) printf ', --no-%s' "$optionName" ;;
    esac
    printf '%s\n' "$([ "$use" = untaught ] && printf '   (not in the stand-in)')"
  done <options
}
