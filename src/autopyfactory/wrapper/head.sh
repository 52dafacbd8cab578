#!/bin/sh
# AutoPyFactory's wrapper.  This head finds a Python >= 3.6; the program is the zip archive behind it.
# Built by "apf wrapper build"; list it with "unzip -l FILE".  APF_PYTHON names a Python to try first.
self=$0
case $self in */*) ;; *) [ -f "./$self" ] && self=./$self || self=$(command -v -- "$self") ;; esac
try() {
    "$1" -I -S -c 'import sys, json, urllib.request; sys.exit(sys.version_info < (3, 6))' >/dev/null 2>&1
}
for python in "$APF_PYTHON" python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 \
    python3.8 python3.7 python3.6 /usr/bin/python3 /usr/local/bin/python3 /usr/libexec/platform-python \
    /cvmfs/sft.cern.ch/lcg/releases/Python/3*/"$(uname -m)"-*-opt/bin/python3 \
    /cvmfs/atlas.cern.ch/repo/ATLASLocalRootBase/"$(uname -m)"/python/3*/bin/python3 \
    /cvmfs/oasis.opensciencegrid.org/mis/osg-wn-client/current/el*-"$(uname -m)"/usr/bin/python3; do
    if [ -n "$python" ] && try "$python"; then
        exec "$python" -I -S "$self" "$@"
    fi
done
echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) no Python >= 3.6 on $(uname -n): neither in PATH, nor as" \
    "/usr/libexec/platform-python, nor in CVMFS; install one, or let APF_PYTHON name one" >&2
exit 83
