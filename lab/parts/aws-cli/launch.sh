#!/bin/sh
# Starts a program of the bundle with the bundle's own Python and C library, wherever it lies; nothing is compiled or
# written beside it, and what it starts itself (a pager) finds the machine's libraries.
real=$(readlink -f "$0")
here=${real%/*}
exec "$here/lib/ld-linux-x86-64.so.2" --library-path "$here/lib" "$here/python/bin/python3" -I -B "$here/${real##*/}.py" "$@"
