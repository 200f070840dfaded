"""From a pipeline's RESULT to Riva's messages."""

from collections.abc import Iterable, Sequence
from typing import Any

from riva.client.proto import riva_asr_pb2 as asr

from pipelines.speech_recognition.recognition import Recognition

__all__ = ["offline_response", "streaming_response"]

_CHANNEL = 1  # mono; Riva counts channels from one
# Clients join the transcripts of results as they are; the space keeps words of two utterances apart, as with Riva.
_UTTERANCE_END = " "


def streaming_response(
    results: Sequence[dict[str, Any]], *, recognition: Recognition, interim: bool, request_id: str
) -> Any:
    """One `StreamingRecognizeResponse`.

    Args:
        results: RESULTs of the pipeline since the last response; none where audio is still being collected. What is not
            final counts only in the last that says anything, which says it anew.
        recognition: What the call asked for.
        interim: Whether results that are not final are wanted.
        request_id: Echoed to the client.
    """
    response = asr.StreamingRecognizeResponse()
    response.id.value = request_id
    spoken = [result for result in results if result["results"]]
    for result in spoken:
        for found in result["results"]:
            final = found["is_final"]
            if not final and not (interim and result is spoken[-1]):
                continue
            message = response.results.add(
                is_final=final, channel_tag=_CHANNEL, audio_processed=result["audio_processed"]
            )
            if not final:
                message.stability = found["stability"]
            _fill_alternative(message.alternatives.add(), found, recognition)
    return response


def offline_response(results: Iterable[dict[str, Any]], *, recognition: Recognition, request_id: str) -> Any:
    """The `RecognizeResponse` of a recording: the final results of all of its pieces."""
    response = asr.RecognizeResponse()
    response.id.value = request_id
    processed = 0.0
    for result in results:
        processed = result["audio_processed"]
        for found in result["results"]:
            if found["is_final"]:
                _fill_alternative(response.results.add(channel_tag=_CHANNEL).alternatives.add(), found, recognition)
    for message in response.results:
        message.audio_processed = processed
    return response


def _fill_alternative(alternative: Any, found: dict[str, Any], recognition: Recognition) -> None:
    mask = recognition.profanity.mask if recognition.profanity else str
    transcript = mask(found["transcript"])
    if not found["is_final"]:
        alternative.transcript = transcript
        return
    alternative.transcript = transcript.rstrip() + _UTTERANCE_END
    alternative.confidence = found["confidence"]
    if recognition.word_time_offsets:
        for word in found["words"]:
            alternative.words.add(
                word=mask(word["word"]),
                start_time=word["start_ms"],
                end_time=word["end_ms"],
                confidence=word["confidence"],
            )
