"""`ci.conformance.audio`: the suite's own audio is what it says."""

import io

import numpy as np
import pytest
import soundfile

from ci.conformance.audio import FORMATS, AudioSpec, encode
from ci.conformance.evaluation import Utterance

RATE = 16000
SECONDS = 0.5
HEADERLESS = [name for name, kind in FORMATS.items() if not kind.header]


@pytest.fixture(scope="module")
def utterance(tmp_path_factory: pytest.TempPathFactory) -> Utterance:
    path = tmp_path_factory.mktemp("audio") / "tone.flac"
    time = np.arange(round(SECONDS * RATE)) / RATE
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * 440 * time), RATE)
    return Utterance(path, "tone")


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_decodes_to_what_was_encoded(utterance: Utterance, name: str, rate: int) -> None:
    """Otherwise a server would be blamed for the suite's mistake."""
    audio = encode(AudioSpec(format=name, rate=rate), utterance)

    kind = FORMATS[name]
    raw = {} if kind.header else {"format": "RAW", "subtype": kind.codec, "samplerate": rate, "channels": 1}
    decoded, decoded_rate = soundfile.read(io.BytesIO(audio.data), **raw)
    spectrum = np.abs(np.fft.rfft(decoded))
    assert decoded_rate == rate
    assert len(decoded) / rate == pytest.approx(SECONDS, abs=0.02)
    assert np.argmax(spectrum) * rate / len(decoded) == pytest.approx(440, abs=4)
    assert audio.seconds == pytest.approx(SECONDS)


@pytest.mark.parametrize("name", HEADERLESS)
def test_audio_without_a_header_is_named_in_the_request(utterance: Utterance, name: str) -> None:
    """Nothing else tells the server what it is."""
    audio = encode(AudioSpec(format=name), utterance)

    assert (audio.encoding, audio.rate) == (FORMATS[name].encoding, RATE)


def test_audio_with_a_header_is_named_on_demand(utterance: Utterance) -> None:
    """NVIDIA's Python client does not name it, its C++ client does."""
    assert encode(AudioSpec(), utterance).encoding is None
    assert encode(AudioSpec(named=True), utterance).encoding == "LINEAR_PCM"


def test_silence_channels_and_truncation(utterance: Utterance) -> None:
    """The other knobs do what they say."""
    led = encode(AudioSpec(format="pcm", lead=1.0, tail=0.5), utterance)
    stereo = soundfile.read(io.BytesIO(encode(AudioSpec(channels=2), utterance).data))[0]
    half = encode(AudioSpec(format="pcm", keep=0.5), utterance)

    assert led.seconds == pytest.approx(2.0)
    assert not any(led.data[: 2 * RATE])
    assert stereo.shape[1] == 2
    assert len(half.data) == RATE * SECONDS
    assert encode(AudioSpec(signal="nothing"), None).data == b""


def test_noise_is_the_same_every_time() -> None:
    """A judgement can be repeated."""
    encode.cache_clear()
    first = encode(AudioSpec(signal="noise"), None).data
    encode.cache_clear()

    assert encode(AudioSpec(signal="noise"), None).data == first
