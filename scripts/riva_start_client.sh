#!/usr/bin/env bash
# Opens a shell with the stock clients beside the server, or runs there what it is given on its input. The folder in which
# it is started is /examples there.
#   riva_start_client.sh [CONFIG]
# shellcheck source=scripts/quickstart.bash disable=SC2154 # config.sh sets the variables that are only read here
source "$(dirname "${BASH_SOURCE[0]}")/quickstart.bash"

check_docker_version
load_config "$@"
if [[ $riva_target_gpu_family == tegra ]]; then
  fail "On Jetson, riva_start.sh itself opens a shell with the clients."
fi
docker image inspect "$image_speech_api" >/dev/null 2>&1 || fail "The image $image_speech_api is not there." \
  "  fix: ./riva_init.sh pulls it; run it first"

terminal=(-i)
[[ ! -t 0 ]] || terminal=(-it)
certificates=()
[[ -z $ssl_server_cert ]] || certificates+=(-v "$ssl_server_cert:/ssl/server.crt:ro")
[[ -z $ssl_root_cert ]] || certificates+=(-v "$ssl_root_cert:/ssl/root_server.crt:ro")
docker rm "$riva_daemon_client" >/dev/null 2>&1 || true # left by a run that was killed
attended docker run --init "${terminal[@]}" --rm --label "riva-quickstart=$run" --net host "${certificates[@]}" \
  -v "$PWD:/examples" \
  --name "$riva_daemon_client" "$image_speech_api" /bin/bash
