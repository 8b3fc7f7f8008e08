#!/bin/sh
# The installer of the bundle: the options, folders and links of AWS's own.
set -u

usage() {
  cat >&2 <<END
Installs the AWS CLI v2

USAGE:
    install [FLAGS] [OPTIONS]

FLAGS:
    -u, --update              Updates the AWS CLI v2 if a different version is installed.
    -h, --help                Prints help information

OPTIONS:
    -i, --install-dir <path>  The directory to install the AWS CLI v2 (/usr/local/aws-cli)
    -b, --bin-dir <path>      The directory to store symlinks to executables (/usr/local/bin)
END
}

die() {
  echo "$1" >&2
  exit 1
}

install_dir=/usr/local/aws-cli
bin_dir=/usr/local/bin
update=no
while [ $# -gt 0 ]; do
  case $1 in
    -i | --install-dir)
      [ $# -ge 2 ] || die "$1 needs a path"
      install_dir=$2
      shift
      ;;
    -b | --bin-dir)
      [ $# -ge 2 ] || die "$1 needs a path"
      bin_dir=$2
      shift
      ;;
    -u | --update) update=yes ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die "Got an unexpected argument: $1" ;;
  esac
  shift
done

here=$(cd "$(dirname "$0")" && pwd) || exit 1
said=$("$here/dist/aws" --version) || die 'The AWS CLI of this bundle does not run.'
version=${said%% *}
target=$install_dir/v2/${version#*/}
current=$install_dir/v2/current

if [ -L "$current" ] && [ "$update" = no ]; then
  die "Found preexisting AWS CLI installation: $current. Please rerun install script with --update flag."
fi
if [ -d "$target" ]; then
  echo "Found same AWS CLI version: $target. Skipping install."
  exit 0
fi

mkdir -p "$target/bin" "$bin_dir" || exit 1
if ! cp -r "$here/dist" "$target/dist"; then
  rm -rf "$target"
  exit 1
fi
for program in aws aws_completer; do
  ln -s "../dist/$program" "$target/bin/$program" || exit 1
done
ln -snf "$target" "$current" || exit 1
for program in aws aws_completer; do
  ln -sf "$current/bin/$program" "$bin_dir/$program" || exit 1
done
echo "You can now run: $bin_dir/aws --version"
