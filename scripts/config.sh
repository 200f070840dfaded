# shellcheck shell=bash
# shellcheck disable=SC2034 # the scripts that read this file use what it sets
# The configuration of the Quick Start scripts: a fork's own; edit it, or name another file as the first argument of a script.
# Names and defaults are those of NVIDIA's Quick Start 2.15 to 2.19; what is ours alone says so. scripts/README.md tells more.

# non-tegra for data center GPUs and for machines without a GPU, tegra for Jetson; orin or xavier.
riva_target_gpu_family="non-tegra"
riva_tegra_platform="orin"

# The services that the server offers. NVIDIA's server has all four; the open one answers for speech recognition (asr)
# and punctuation (nlp), and says UNIMPLEMENTED to the others.
service_enabled_asr=true
service_enabled_nlp=true
service_enabled_tts=true
service_enabled_nmt=false

# Which of NGC's models to fetch; of no use with use_existing_rmirs=true.
#   conformer with variant "", xl, unified, ml_cs or unified_ml_cs; parakeet with variant 0.6b
asr_language_code=("en-US")
asr_acoustic_model=("conformer")
asr_acoustic_model_variant=("")
use_asr_greedy_decoder=false
#   en-US es-ES es-US it-IT de-DE zh-CN
tts_language_code=("en-US")

# What `docker run --gpus` is asked for. An engine that has no GPU is not asked.
gpus_to_use="device=0"

# The key of every encrypted RMIR. It reaches containers through the environment only.
MODEL_DEPLOY_KEY="tlt_encode"

# Where RMIRs and models live, /data of the containers: the name of a Docker volume, or an absolute path of a directory.
riva_model_loc="riva-model-repo"
if [[ $riva_target_gpu_family == tegra ]]; then
  riva_model_loc="$(pwd)/model_repository"
fi

# true: nothing is downloaded; the RMIRs in $riva_model_loc/rmir, made by riva-build, are deployed.
use_existing_rmirs=false

# Ports of the host, and of the container. Only NVIDIA's server has an HTTP API, from 2.19 on; "" publishes none.
riva_speech_api_port="50051"
riva_speech_api_http_port="50000"

riva_ngc_org="nvidia"
riva_ngc_team="riva"
riva_ngc_image_version="2.19.0"
riva_ngc_model_version="2.19.0"

# Ours: where the images come from. NVIDIA's by default; "riva-ci" takes those that this repository builds (nox -s images).
# Only images of riva_ngc_registry ask for an NGC key.
riva_ngc_registry="nvcr.io"
riva_image_prefix="$riva_ngc_registry/$riva_ngc_org/$riva_ngc_team"

# TLS is spoken if both certificate and key are given. With mutual authentication, clients must show a certificate for
# which the root certificate vouches.
ssl_server_cert=""
ssl_server_key=""
ssl_root_cert=""
ssl_use_mutual_auth=false

# Names of the containers; two installations on one machine need two sets. That of riva_init.sh is ours to choose.
riva_daemon_speech="riva-speech"
riva_daemon_client="riva-client"
riva_daemon_service_maker="riva-service-maker"

# Ours: how often, and every how many seconds, riva_start.sh asks whether the server is ready.
riva_health_tries=30
riva_health_interval=10

# Enterprise accounts.
# RIVA_API_KEY=""
# RIVA_API_NGC_ORG=""
# RIVA_EULA=""

# ---- Computed from the above. ----------------------------------------------------------------------------------------

image_speech_api="$riva_image_prefix/riva-speech:$riva_ngc_image_version"
image_init_speech="$image_speech_api-servicemaker"
if [[ $riva_target_gpu_family == tegra ]]; then
  image_speech_api+="-l4t-aarch64"
  image_init_speech+="-l4t-aarch64"
fi
# NVIDIA's 2.18 and later have one image for both.
if [[ $riva_image_prefix == "$riva_ngc_registry"/* && ! $riva_ngc_image_version =~ ^(1\.|2\.[0-9]\.|2\.1[0-7]\.) ]]; then
  image_init_speech=$image_speech_api
fi

# NGC's name of a model: RMIRs, and for Jetson finished models of the platform where there are any.
rmir() { printf '%s' "$riva_ngc_org/$riva_ngc_team/rmir_$1:$riva_ngc_model_version"; }
prebuilt() {
  if [[ $riva_target_gpu_family == tegra ]]; then
    printf '%s' "$riva_ngc_org/$riva_ngc_team/models_$1:$riva_ngc_model_version-tegra-$riva_tegra_platform"
  else
    rmir "$1"
  fi
}

models_asr=()
models_nlp=()
models_tts=()
models_nmt=()

for _index in "${!asr_acoustic_model[@]}"; do
  _model=${asr_acoustic_model[_index]}
  _variant=${asr_acoustic_model_variant[_index]-}
  case $_model:$_variant in
    conformer: | conformer:xl | conformer:unified | conformer:ml_cs | conformer:unified_ml_cs | parakeet:0.6b) ;;
    *)
      echo "Unknown ASR model '$_model' with variant '$_variant'. See asr_acoustic_model in the configuration file." >&2
      exit 1
      ;;
  esac
  _decoder=""
  [[ $use_asr_greedy_decoder == false ]] || _decoder=_gre
  for _language in "${asr_language_code[@]}"; do
    _language=${_language,,}
    _name=asr_$_model${_variant:+_$_variant}_${_language//-/_}
    models_asr+=("$(prebuilt "${_name}_str$_decoder")") # streaming, low latency
    # models_asr+=("$(rmir "${_name}_str_thr$_decoder")") # streaming, high throughput
    models_asr+=("$(rmir "${_name}_ofl$_decoder")") # offline
    [[ $_variant == unified* ]] || models_nlp+=("$(prebuilt "nlp_punctuation_bert_base_${_language//-/_}")")
  done
done
# models_asr+=("$(rmir diarizer_offline)")
# models_nlp+=("$(rmir nlp_punctuation_bert_large_en_us)")

for _language in "${tts_language_code[@]}"; do
  _name=tts_fastpitch_hifigan_${_language,,}
  _name=${_name//-/_}_ipa
  case $_language in
    en-US | es-US | zh-CN) models_tts+=("$(prebuilt "$_name")") ;;
    es-ES | it-IT) models_tts+=("$(prebuilt "${_name%_ipa}_f_ipa")" "$(prebuilt "${_name%_ipa}_m_ipa")") ;;
    de-DE) models_tts+=("$(prebuilt "${_name%_ipa}_m_ipa")") ;;
    *)
      echo "Unknown TTS language '$_language'. See tts_language_code in the configuration file." >&2
      exit 1
      ;;
  esac
done

models_nmt+=("$(rmir megatronnmt_any_en_500m)")
# models_nmt+=("$(rmir nmt_en_de_24x6)")
unset _index _model _variant _decoder _language _name
