#!/bin/sh
# A Python as far as making environments goes: answers the probe, "makes" a venv, and "installs" what FAKE_PIP says.
case "$*" in
  *" -c "*) echo "{\"executable\": \"$0\", \"version\": \"3.11\"}" ;;
  *"-m venv"*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *"-m pip"*) echo made >> "$FAKE_MADE"; eval "$FAKE_PIP" ;;
esac
