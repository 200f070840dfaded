"""What a server answers to riva.client as NVIDIA publishes it: a JSON object of file name -> transcript.

test_parity.py runs it in environments with different releases of that client; it needs nothing of this project.

    python client_transcripts.py RELEASE ADDRESS offline|streaming CLIENTS RECORDING.wav ...
"""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import riva.client

CHUNK = 2560  # samples: 0.16 s

own = threading.local()


def connect(address: str) -> None:
    own.service = riva.client.ASRService(riva.client.Auth(uri=address))


def offline(recording: str) -> str:
    response = own.service.offline_recognize(Path(recording).read_bytes(), config(recording))
    return text(response.results)


def streaming(recording: str) -> str:
    request = riva.client.StreamingRecognitionConfig(config=config(recording), interim_results=True)
    with riva.client.AudioChunkFileIterator(recording, CHUNK) as chunks:
        responses = list(own.service.streaming_response_generator(chunks, request))
    return text(result for response in responses for result in response.results if result.is_final)


def config(recording: str) -> riva.client.RecognitionConfig:
    request = riva.client.RecognitionConfig(language_code="en-US", max_alternatives=1)
    riva.client.add_audio_file_specs_to_config(request, recording)
    return request


def text(results) -> str:
    """The results of a call, each of which brings its own white space or none."""
    return " ".join(" ".join(result.alternatives[0].transcript for result in results).split())


def main(release: str, address: str, mode: str, clients: str, *recordings: str) -> None:
    assert riva.client.__version__ == release, riva.client.__version__
    recognise = {"offline": offline, "streaming": streaming}[mode]
    with ThreadPoolExecutor(int(clients), initializer=connect, initargs=(address,)) as pool:
        texts = dict(zip((Path(each).stem for each in recordings), pool.map(recognise, recordings), strict=True))
    print(json.dumps(texts))


main(*sys.argv[1:])
