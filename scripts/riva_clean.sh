#!/usr/bin/env bash
# Removes what the other scripts have made: the container, and after a question each the images and the models.
#   riva_clean.sh [CONFIG]
# shellcheck source=scripts/quickstart.bash disable=SC2154 # config.sh sets the variables that are only read here
source "$(dirname "${BASH_SOURCE[0]}")/quickstart.bash"

confirmed() {
  local answer=
  read -rp "$1 Delete? [y/N] " answer <&3 || true
  [[ -t 3 ]] || echo "$1 Delete? [y/N] $answer" # bash shows a prompt to terminals only
  [[ ${answer,,} == y || ${answer,,} == yes ]] && return
  echo "Skipping..."
  return 1
}

remove_image() {
  docker image inspect "$1" >/dev/null 2>&1 || return 0
  confirmed "Image $1 found." || return 0
  docker rmi "$1" >/dev/null || fail "The image $1 could not be removed."
}

remove_volume() {
  echo "Deleting docker volume..."
  if ! model_location_exists; then
    echo "'$riva_model_loc' is not a Docker volume, or has already been deleted."
  elif confirmed "Found docker volume '$riva_model_loc'."; then
    docker volume rm "$riva_model_loc" >/dev/null || fail "The volume $riva_model_loc could not be removed."
  fi
}

# Takes from the directory what Riva puts there, and the directory itself if nothing else is in it.
remove_directory() {
  echo "'$riva_model_loc' is not a Docker volume, or has already been deleted."
  model_location_exists || return 0
  confirmed "Found models at '$riva_model_loc'." || return 0
  rm -rf "$riva_model_loc"/{models,rmir,prebuilt,.extracted} ||
    fail "Some of $riva_model_loc could not be removed." "  fix: NVIDIA's containers write as root; sudo ${BASH_SOURCE[0]}"
  rmdir --ignore-fail-on-non-empty "$riva_model_loc"
}

check_docker_version
load_config "$@"
echo "Cleaning up local Riva installation."
docker rm -f "$riva_daemon_speech" >/dev/null 2>&1 || true
remove_image "$image_speech_api"
[[ $image_init_speech == "$image_speech_api" ]] || remove_image "$image_init_speech"
if [[ $riva_model_loc == /* ]]; then remove_directory; else remove_volume; fi
