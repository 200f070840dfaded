#!/usr/bin/env bash
# Stops the server. Its running calls get the time that they need, up to Docker's ten seconds.
#   riva_stop.sh [CONFIG]
# shellcheck source=scripts/quickstart.bash disable=SC2154 # config.sh sets the variables that are only read here
source "$(dirname "${BASH_SOURCE[0]}")/quickstart.bash"

check_docker_version
load_config "$@"
echo "Shutting down docker containers..."
if is_running "$riva_daemon_speech"; then
  attended docker stop "$riva_daemon_speech" >/dev/null || fail "$riva_daemon_speech could not be stopped."
fi
