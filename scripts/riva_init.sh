#!/usr/bin/env bash
# Gets images and models, and makes the model repository that riva_start.sh serves.
#   riva_init.sh [CONFIG]
# shellcheck source=scripts/quickstart.bash disable=SC2154 # config.sh sets the variables that are only read here
source "$(dirname "${BASH_SOURCE[0]}")/quickstart.bash"

check_languages() {
  if [[ $service_enabled_asr == true && ${#asr_language_code[@]} -eq 0 ]]; then fail "Error: please select a ASR language"; fi
  if [[ $service_enabled_tts == true && ${#tts_language_code[@]} -eq 0 ]]; then fail "Error: please select a TTS language"; fi
  if [[ $service_enabled_nlp == true && " ${asr_language_code[*]} " != " en-US " ]]; then
    if [[ " ${asr_language_code[*]} " != *" en-US "* ]]; then
      fail "Error: NLP not supported for languages other than English"
    fi
    echo "Warning: NLP not supported for languages other than English"
  fi
}

from_ngc() { [[ $1 == "$riva_ngc_registry"/* ]]; }

# Sets and exports NGC_CLI_API_KEY: from the environment, the NGC tool's own file, or whoever sits there.
read_ngc_key() {
  NGC_CLI_API_KEY=${NGC_API_KEY-}
  if [[ -z $NGC_CLI_API_KEY && -r ~/.ngc/config ]]; then
    NGC_CLI_API_KEY=$(sed -n 's/^apikey *= *//p' ~/.ngc/config | head -n 1)
  fi
  if [[ -z $NGC_CLI_API_KEY ]]; then
    read -rsp "Please enter API key for ngc.nvidia.com: " NGC_CLI_API_KEY <&3 || true
    echo
  fi
  export NGC_CLI_API_KEY
}

log_in() {
  echo "Logging into NGC docker registry if necessary..."
  # shellcheck disable=SC2016 # this is the user's name as it stands
  if ! docker login --username '$oauthtoken' --password-stdin "$riva_ngc_registry" \
    <<<"$NGC_CLI_API_KEY" >/dev/null 2>"$scratch/error"; then
    fail "NGC API Key is invalid. Please check and try again." "  $(tail -n 1 "$scratch/error")"
  fi
}

pull() {
  local image=$1 attempt
  if docker image inspect "$image" >/dev/null 2>&1; then
    echo "  > Image $image exists. Skipping."
    return
  fi
  echo "  > Pulling $image. This may take some time..."
  for attempt in 1 2 3; do
    if attended docker pull --quiet "$image" >/dev/null 2>&1; then return; fi
    echo "  > Attempt $attempt out of 3 failed"
    [[ $attempt -eq 3 ]] || echo "  > Trying again..."
  done
  echo "Error occurred pulling '$image'." >&2
  attended docker pull "$image" || fail "Exiting."
}

# Runs one of the containers that prepare /data: its name, then arguments of `docker run`. Ctrl-C in it ends the script.
prepare() {
  local name=$1 terminal=() code=0
  [[ ! -t 0 || ! -t 1 ]] || terminal=(-it)
  if is_running "$name"; then
    fail "A container named $name is running: another riva_init.sh is at work." "  fix: wait for it, or: docker kill $name"
  fi
  docker rm "$name" >/dev/null 2>&1 || true # left by a run that was killed
  attended docker run --init "${terminal[@]}" --rm --label "riva-quickstart=$run" --name "$name" \
    -v "$riva_model_loc:/data" "${@:2}" || code=$?
  [[ $code -ne 130 ]] || interrupted 130
  return "$code"
}

download_models() {
  local models=()
  [[ $service_enabled_asr == false ]] || models+=("${models_asr[@]}")
  [[ $service_enabled_nlp == false ]] || models+=("${models_nlp[@]}")
  [[ $service_enabled_tts == false ]] || models+=("${models_tts[@]}")
  [[ $service_enabled_nmt == false ]] || models+=("${models_nmt[@]}")
  echo "Downloading models (RMIRs) from NGC..."
  echo "Note: this may take some time, depending on the speed of your Internet connection."
  echo "To skip this process and use existing RMIRs set the location and corresponding flag in config.sh."
  if [[ $riva_target_gpu_family == tegra ]]; then
    # shellcheck disable=SC2016 # the script is the container's
    prepare riva-models-download -e NGC_CLI_API_KEY -e "NGC_CLI_ORG=$riva_ngc_org" "$image_speech_api" /bin/bash -euc '
      cd "$(mktemp -d)"
      wget -q --content-disposition https://ngc.nvidia.com/downloads/ngccli_arm64.zip
      unzip -q ngccli_arm64.zip
      mkdir -p /tmp/artifacts
      for model; do ngc-cli/ngc registry model download-version --dest /tmp/artifacts "$model"; done
      rm -rf /data/models
      mkdir -p /data/rmir /data/prebuilt
      find /tmp/artifacts -name "*.rmir" -exec mv -t /data/rmir {} +
      find /tmp/artifacts -name "*.tar.gz" -exec mv -t /data/prebuilt {} +
      rmdir --ignore-fail-on-non-empty /data/rmir /data/prebuilt' download "${models[@]}"
  else
    prepare "$riva_daemon_service_maker" "${gpus[@]}" -e NGC_CLI_API_KEY -e "NGC_CLI_ORG=$riva_ngc_org" \
      "$image_init_speech" download_ngc_models "${models[@]}"
  fi || fail "Error in downloading models."
}

deploy_rmirs() {
  echo "Converting RMIRs at $riva_model_loc/rmir to Riva Model repository."
  export MODEL_DEPLOY_KEY
  prepare "$riva_daemon_service_maker" "${gpus[@]}" -e MODEL_DEPLOY_KEY "$image_init_speech" deploy_all_models /data/rmir /data/models ||
    fail "Error in deploying RMIR models."
}

# Jetson's finished models. They are unpacked beside the repository, so that what is cut short is not in it.
deploy_prebuilt() {
  echo "Converting prebuilts at $riva_model_loc/prebuilt to Riva Model repository."
  # shellcheck disable=SC2016 # the script is the container's
  prepare riva-models-extract "$image_speech_api" /bin/bash -euc '
    rm -rf /data/.extracted
    mkdir -p /data/.extracted /data/models
    for archive in /data/prebuilt/*.tar.gz; do tar -xzf "$archive" -C /data/.extracted; done
    for model in /data/.extracted/*; do
      rm -rf "/data/models/${model##*/}"
      mv "$model" /data/models/
    done
    rmdir /data/.extracted' || fail "Error in deploying prebuilt models."
}

check_docker_version
load_config "$@"
check_languages

if from_ngc "$image_speech_api" || [[ $use_existing_rmirs == false ]]; then read_ngc_key; fi
if from_ngc "$image_speech_api"; then log_in; fi

echo "Pulling required docker images if necessary..."
echo "Note: This may take some time, depending on the speed of your Internet connection."
echo "> Pulling Riva Speech Server images."
pull "$image_speech_api"
if [[ $riva_target_gpu_family != tegra && $image_init_speech != "$image_speech_api" ]]; then pull "$image_init_speech"; fi

choose_gpus
[[ $riva_model_loc != /* ]] || mkdir -p "$riva_model_loc"
[[ $use_existing_rmirs == true ]] || download_models

found=$(list_data "$image_speech_api" 'rmir/*.rmir' 'prebuilt/*.tar.gz')
if [[ -z $found ]]; then
  fail "There is no RMIR in $riva_model_loc/rmir." \
    "  fix: let riva-build write one to /data/rmir, or copy it there; or set use_existing_rmirs=false to take those of NGC"
fi
if [[ $found == *.rmir* ]]; then
  if [[ $riva_target_gpu_family == tegra && $image_init_speech != "$image_speech_api" ]]; then pull "$image_init_speech"; fi
  deploy_rmirs
fi
if [[ $found == */data/prebuilt/* ]]; then deploy_prebuilt; fi

echo
echo "Riva initialization complete. Run ./riva_start.sh to launch services."
