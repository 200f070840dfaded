"""What the oldest supported riva.client says to a server; test_server_oldest_client.py runs it beside that client."""

import sys
from pathlib import Path

import riva.client


def main(address: str, audio_file: str) -> None:
    assert riva.client.__version__ == "2.16.0"
    auth = riva.client.Auth(uri=address)
    service = riva.client.ASRService(auth)

    config = riva.client.RecognitionConfig(
        language_code="en-US", max_alternatives=1, enable_word_time_offsets=True, verbatim_transcripts=False
    )
    riva.client.add_audio_file_specs_to_config(config, audio_file)
    riva.client.add_word_boosting_to_config(config, ["riva"], 4.0)
    config.custom_configuration["test_key"] = "test_value"
    offline = service.offline_recognize(Path(audio_file).read_bytes(), config)
    riva.client.print_offline(response=offline)

    streaming = riva.client.StreamingRecognitionConfig(config=config, interim_results=True)
    riva.client.add_endpoint_parameters_to_config(config, 200, 0.2, 3000, 240, 0.98, 0.98)
    with riva.client.AudioChunkFileIterator(audio_file, 1600) as chunks:
        responses = service.streaming_response_generator(chunks, streaming)
        riva.client.print_streaming(responses, additional_info="time", word_time_offsets=True, output_file=sys.stdout)

    listed = service.stub.GetRivaSpeechRecognitionConfig(
        riva.client.proto.riva_asr_pb2.RivaSpeechRecognitionConfigRequest()
    )
    for model in listed.model_config:
        print("model", model.model_name, model.parameters["type"], model.parameters["language_code"])


main(*sys.argv[1:])
