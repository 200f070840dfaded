# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables that are only set here, or only read, belong to the scripts and to config.sh
# What the Quick Start scripts share. Sourced, never run. What NVIDIA's scripts say, these say in the same words, because
# people and programs look for them; what they are silent about is ours: indented lines, `note:` and `fix:` among it.
set -euo pipefail

scratch=$(mktemp -d)
run=$(basename "$scratch") # labels the containers of this run
exec 3<&0 4>&2             # our input, which bash keeps from what it runs in the background, and where messages go
child=

# Says what is wrong, a line an argument, and ends the script.
fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Removes the containers of this run that are still there; `settle` lets them stay.
sweep() {
  local ids=()
  [[ -z $run ]] || mapfile -t ids < <(docker ps -aq --filter "label=riva-quickstart=$run" 2>/dev/null)
  [[ ${#ids[@]} -eq 0 ]] || docker rm -f "${ids[@]}" >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
settle() { run=; }

interrupted() {
  trap '' INT TERM HUP
  if [[ -n $child ]]; then
    kill "$child" 2>/dev/null || true
    sweep # a container may ignore the signal that `docker run` hands on
    wait "$child" 2>/dev/null || true
    [[ ! -t 3 ]] || stty sane <&3 # `docker run -t` has changed the terminal
  fi
  echo "Interrupted; what was running is stopped. Run the script again to go on." >&4
  exit "$1"
}
trap sweep EXIT
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

# Runs what may take long: a signal is heeded at once, where bash would wait for a command in the foreground to end.
attended() {
  local code=0
  "$@" <&3 &
  child=$!
  wait "$child" || code=$?
  child=
  return "$code"
}

check_docker_version() {
  local version
  if ! version=$(docker version --format '{{.Server.Version}}' 2>"$scratch/error"); then
    fail "Unable to run Docker. Please check that Docker is installed and functioning." \
      "  $(grep -v '^$' "$scratch/error" | tail -n 1)"
  fi
  if [[ $(printf '%s\n' 19.03 "$version" | sort -V | head -n 1) != 19.03 ]]; then
    fail "Docker version insufficient. Please use Docker 19.03 or later" "  This one is $version."
  fi
}

# Reads the configuration: `PATH` or `-c PATH` among the arguments, otherwise config.sh beside the scripts.
load_config() {
  local config
  config=$(dirname "${BASH_SOURCE[0]}")/config.sh
  [[ ${1-} != -c ]] || shift
  [[ -z ${1-} ]] || config=$1
  if [[ ! -f $config || ! -r $config ]]; then
    fail "Unable to load configuration file. Override path to file with -c argument." "  '$config' is not a readable file."
  fi
  # shellcheck source=scripts/config.sh
  source "$(realpath "$config")"
  if [[ ! $riva_model_loc =~ ^/[^:]*[^:/]$ && ! $riva_model_loc =~ ^[a-zA-Z0-9][a-zA-Z0-9_.-]+$ ]]; then
    fail "riva_model_loc='$riva_model_loc' is neither the name of a Docker volume nor an absolute path." \
      "  fix: a path begins with '/', does not end with it, and has no ':', which Docker would take for a separator"
  fi
}

# Whether riva_model_loc exists: a directory here, or a volume of the engine.
model_location_exists() {
  if [[ $riva_model_loc == /* ]]; then
    [[ -d $riva_model_loc ]]
  else
    docker volume inspect "$riva_model_loc" >/dev/null 2>&1
  fi
}

is_running() { [[ $(docker inspect --type container --format '{{.State.Running}}' "$1" 2>/dev/null) == true ]]; }

# Prints the files of /data that match the patterns after the image $1 and are not empty, by their paths in a container.
# Only a container sees into a volume.
list_data() {
  # shellcheck disable=SC2016 # the inner shell expands it
  local look='cd "$0" && for file in '"${*:2}"'; do if [ -s "$file" ]; then echo "/data/$file"; fi; done'
  if [[ $riva_model_loc == /* ]]; then
    sh -c "$look" "$riva_model_loc"
  else
    docker run --rm --label "riva-quickstart=$run" -v "$riva_model_loc:/data" --entrypoint /bin/sh "$1" -c "$look" /data
  fi
}

# Sets `gpus`, the arguments of `docker run` that hand GPUs over. The list of runtimes alone does not tell: an engine can
# serve --gpus without a runtime named nvidia, and the other way round. So it is asked, with an image that holds nothing:
# an engine that cannot hand GPUs over says so before it looks into the image.
choose_gpus() {
  local request=(--gpus "\"$gpus_to_use\"") nothing said runtimes
  nothing=$(tar -cf - -T /dev/null | docker import --change "LABEL riva-quickstart=$run" -)
  said=$(docker run --rm --label "riva-quickstart=$run" "${request[@]}" "$nothing" /nothing 2>&1) || true
  docker rmi "$nothing" >/dev/null
  runtimes=$(docker info --format '{{range $name, $_ := .Runtimes}}{{println $name}}{{end}}')
  gpus=()
  if [[ $said != *"could not select device driver"* ]]; then
    gpus=("${request[@]}")
  elif [[ $'\n'$runtimes$'\n' == *$'\nnvidia\n'* ]]; then
    gpus=(--runtime=nvidia)
    echo "note: this engine does not know --gpus; its runtime 'nvidia' is used"
  else
    echo "note: this engine has no GPU; --gpus is left out"
  fi
}
