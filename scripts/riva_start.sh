#!/usr/bin/env bash
# Starts the server on what riva_init.sh has made, and returns when it is ready.
#   riva_start.sh [CONFIG [-s]]      -s: on Jetson, do not open a shell in the container
# shellcheck source=scripts/quickstart.bash disable=SC2154 # config.sh sets the variables that are only read here
source "$(dirname "${BASH_SOURCE[0]}")/quickstart.bash"

server_only=
if [[ ${*: -1} == -s ]]; then
  server_only=1
  set -- "${@:1:$#-1}"
fi

# Sets `mounts` and the flags of start-riva and of the health probe that TLS needs.
choose_tls() {
  mounts=() ssl_flags=() probe_flags=()
  if [[ -z $ssl_server_cert && -z $ssl_server_key ]]; then return; fi
  local file
  for file in "$ssl_server_cert" "$ssl_server_key" ${ssl_root_cert:+"$ssl_root_cert"}; do
    [[ $file == /* && -f $file && -r $file ]] || fail "The TLS file '$file' is not a readable file with an absolute path." \
      "  fix: TLS needs ssl_server_cert and ssl_server_key; see the configuration file"
  done
  mounts=(-v "$ssl_server_cert:/ssl/server.crt:ro" -v "$ssl_server_key:/ssl/server.key:ro")
  ssl_flags=(--use_ssl --ssl_server_cert /ssl/server.crt --ssl_server_key /ssl/server.key)
  probe_flags=(-tls -tls-client-cert /ssl/server.crt -tls-client-key /ssl/server.key -tls-no-verify)
  if [[ -n $ssl_root_cert ]]; then
    mounts+=(-v "$ssl_root_cert:/ssl/root_server.crt:ro")
    ssl_flags+=(--ssl_root_cert /ssl/root_server.crt)
  fi
  [[ ${ssl_use_mutual_auth-false} == false ]] || ssl_flags+=(--ssl_use_mutual_auth)
}

without_models() { fail "There are no models in $riva_model_loc/models." "  fix: ./riva_init.sh makes them; run it first"; }

# Sets `plugins`, what LD_PRELOAD is to name: the libraries in /data/plugins, of which empty ones are left out.
find_plugins() {
  local found
  found=$(list_data "$image_speech_api" 'models/*/config.pbtxt' 'plugins/*.so')
  [[ $found == */data/models/* ]] || without_models
  plugins=$(sed -n '\|^/data/plugins/|p' <<<"$found" | paste -sd :)
}

start_server() {
  local extra=(-p 8000 -p 8001 -p 8002)
  if [[ $riva_target_gpu_family == tegra ]]; then
    extra=(-p 8000:8000 -p 8001:8001 -p 8002:8002 -p 8888:8888 --device /dev/bus/usb --device /dev/snd)
  fi
  if [[ -n ${riva_speech_api_http_port-} ]]; then
    extra+=(-p "$riva_speech_api_http_port:$riva_speech_api_http_port" -e "RIVA_SERVER_HTTP_PORT=$riva_speech_api_http_port")
  fi
  export RIVA_API_KEY=${RIVA_API_KEY-} RIVA_API_NGC_ORG=${RIVA_API_NGC_ORG-} RIVA_EULA=${RIVA_EULA-}
  attended docker run -d --init --ipc=host "${gpus[@]}" --label "riva-quickstart=$run" \
    -p "$riva_speech_api_port:$riva_speech_api_port" \
    -e "LD_PRELOAD=$plugins" -e RIVA_API_KEY -e RIVA_API_NGC_ORG -e RIVA_EULA \
    -v "$riva_model_loc:/data" "${mounts[@]}" --ulimit memlock=-1 --ulimit stack=67108864 \
    --name "$riva_daemon_speech" "${extra[@]}" "$image_speech_api" \
    start-riva --riva-uri="0.0.0.0:$riva_speech_api_port" --asr_service="$service_enabled_asr" \
    --tts_service="$service_enabled_tts" --nlp_service="$service_enabled_nlp" "${ssl_flags[@]}" \
    >/dev/null 2>"$scratch/error" ||
    fail "Riva Speech could not be started:" "  $(grep -v -e '^$' -e "'docker run --help'" "$scratch/error")" \
      "  fix: ports and GPUs are set in the configuration file: riva_speech_api_port, riva_speech_api_http_port, gpus_to_use"
}

# Ends the script if the server has died, with what it said last. The container stays for `docker logs`.
check_alive() {
  if is_running "$riva_daemon_speech"; then return; fi
  settle
  fail "Riva Speech has died with exit code $(docker inspect --format '{{.State.ExitCode}}' "$riva_daemon_speech"). It said last:" \
    "$(docker logs --tail 20 "$riva_daemon_speech" 2>&1)" \
    "Check Riva logs with: docker logs $riva_daemon_speech"
}

wait_until_ready() {
  local try
  for ((try = 0; try < riva_health_tries; try++)); do
    check_alive
    if attended docker exec "$riva_daemon_speech" /bin/grpc_health_probe -addr=":$riva_speech_api_port" "${probe_flags[@]}"; then
      echo "Riva server is ready..."
      return
    fi
    echo "Waiting for Riva server to load all models...retrying in $riva_health_interval seconds"
    # returns early if the container ends
    attended timeout --foreground "$riva_health_interval" docker wait "$riva_daemon_speech" >/dev/null || true
  done
  check_alive
  docker stop "$riva_daemon_speech" >/dev/null
  settle
  fail "Health ready check failed." "Check Riva logs with: docker logs $riva_daemon_speech"
}

check_docker_version
load_config "$@"
choose_tls

if is_running "$riva_daemon_speech"; then
  echo "Riva Speech already running. Skipping..."
else
  docker image inspect "$image_speech_api" >/dev/null 2>&1 || fail "The image $image_speech_api is not there." \
    "  fix: ./riva_init.sh pulls it; run it first"
  model_location_exists || without_models
  choose_gpus
  find_plugins
  echo "Starting Riva Speech Services. This may take several minutes depending on the number of models deployed."
  docker rm "$riva_daemon_speech" >/dev/null 2>&1 || true
  start_server
fi
wait_until_ready
settle

if [[ $riva_target_gpu_family == tegra && -z $server_only ]]; then
  echo "Use this container terminal to run applications:"
  exec docker exec -it "$riva_daemon_speech" /bin/bash
fi
