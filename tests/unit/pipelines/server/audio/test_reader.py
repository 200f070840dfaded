"""Audio in every container, cut into any pieces, must come out as the samples that went in."""

import io
import struct
import wave

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.server.audio.format import Declared, Encoding
from pipelines.server.audio.reader import AudioReader
from pipelines.server.errors import BitsPerSample, ChannelCount, FormatMismatch, InvalidFormat

RATE = 16000


def chirp(seconds: float = 2.3, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time)).astype(np.float32)


def wav(samples: np.ndarray, *, rate: int = RATE, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return out.getvalue()


def sound_file(samples: np.ndarray, *, container: str, subtype: str, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=container, subtype=subtype)
    return out.getvalue()


def wav_header(
    *, tag: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, size: int, extra: bytes = b""
) -> bytes:
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + extra
    return (
        b"RIFF\xff\xff\xff\xffWAVE" + struct.pack("<4sI", b"fmt ", len(fmt)) + fmt + struct.pack("<4sI", b"data", size)
    )


def read(data: bytes, declared: Declared | None = None, *, rate: int = RATE, piece: int = 1 << 20) -> np.ndarray:
    reader = AudioReader(declared or Declared(), rate)
    pieces = [reader.feed(data[at : at + piece]) for at in range(0, len(data), piece)]
    return np.concatenate([*pieces, reader.finish()])


PCM = (chirp() * 32767).astype("<i2")
CONTAINERS = {
    "wav": (wav(chirp()), Declared()),
    "wav-declared": (wav(chirp()), Declared(Encoding.LINEAR_PCM, RATE, 1)),
    "wav-extensible": (sound_file(chirp(), container="WAVEX", subtype="PCM_16"), Declared()),
    "wav-mulaw": (sound_file(chirp(), container="WAV", subtype="ULAW"), Declared()),
    "wav-alaw": (sound_file(chirp(), container="WAV", subtype="ALAW"), Declared(Encoding.ALAW)),
    "wav-8-bit": (sound_file(chirp(), container="WAV", subtype="PCM_U8"), Declared()),
    "wav-64": (sound_file(chirp(), container="RF64", subtype="PCM_16"), Declared()),
    "flac": (sound_file(chirp(), container="FLAC", subtype="PCM_16"), Declared()),
    "flac-8-bit": (sound_file(chirp(), container="FLAC", subtype="PCM_S8"), Declared(Encoding.FLAC)),
    "raw": (PCM.tobytes(), Declared(Encoding.LINEAR_PCM, RATE)),
    "raw-mulaw": (sound_file(chirp(), container="RAW", subtype="ULAW"), Declared(Encoding.MULAW, RATE)),
    "raw-alaw": (sound_file(chirp(), container="RAW", subtype="ALAW"), Declared(Encoding.ALAW, RATE)),
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("piece", [1 << 20, 3201, 160, 7])
def test_samples_survive_any_container_and_any_cutting(name: str, piece: int) -> None:
    """What the client encoded is what the model hears, however the network cuts it."""
    data, declared = CONTAINERS[name]

    heard = read(data, declared, piece=piece)

    assert heard.dtype == np.float32
    assert len(heard) == len(PCM)
    tolerance = 0.03 if "law" in name else 0.01 if "8-bit" in name else 1e-4
    assert np.abs(heard - chirp()).max() < tolerance


@pytest.mark.parametrize("piece", [1 << 20, 1000, 13])
def test_opus_has_its_length_and_its_sound(piece: int) -> None:
    """Ogg Opus decodes to the length that was encoded: neither the encoder's delay nor the padding is heard."""
    data = sound_file(chirp(), container="OGG", subtype="OPUS")

    heard = read(data, piece=piece)

    assert abs(len(heard) - len(PCM)) <= 1
    assert np.corrcoef(heard[: len(PCM) - 1], chirp()[: len(heard)][: len(PCM) - 1])[0, 1] > 0.99


def test_declared_rate_of_opus_is_only_a_hint() -> None:
    """Opus decodes to any rate, so a request may say 16000 for a file whose header says 48000, and the other way
    round.
    """
    data = sound_file(chirp(), container="OGG", subtype="OPUS")

    assert abs(len(read(data, Declared(Encoding.OGGOPUS, 8000))) - len(PCM)) <= 1


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(CONTAINERS)), st.data())
def test_cutting_changes_nothing(name: str, data: st.DataObject) -> None:
    """Pieces of random sizes give exactly the samples of the whole."""
    audio, declared = CONTAINERS[name]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(audio)), max_size=12)))
    reader = AudioReader(declared, RATE)
    pieces = [reader.feed(audio[a:b]) for a, b in zip([0, *cuts], [*cuts, len(audio)], strict=True)]

    assert np.array_equal(np.concatenate([*pieces, reader.finish()]), read(audio, declared))


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("piece", [1 << 20, 1234])
def test_every_rate_becomes_the_models(rate: int, piece: int) -> None:
    """8 to 48 kHz arrive at 16 kHz with the same length in seconds and the same tone."""
    time = np.arange(rate * 2) / rate
    tone = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)

    heard = read(wav(tone, rate=rate), piece=piece)

    assert abs(len(heard) - 2 * RATE) <= 2
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(heard)) / RATE)
    assert np.abs(heard - expected)[400:-400].max() < 2e-3


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000, 100])
def test_sizes_of_a_streamed_wav_are_not_believed(size: int) -> None:
    """Programs that write WAV to a pipe leave nonsense in the size of the samples; all samples count anyway."""
    assert np.array_equal(read(wav_header(size=size) + PCM.tobytes(), piece=999), read(wav(chirp())))


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (wav(chirp()), 0),
        (wav(chirp())[:-1000], 1000),
        (wav_header(size=0xFFFFFFFF) + PCM.tobytes(), 0),
        (wav_header(size=100) + PCM.tobytes(), 0),
        (b"", 0),
    ],
    ids=["whole", "cut off", "size not known", "size too small", "nothing"],
)
def test_audio_that_ends_early_is_noticed(data: bytes, missing: int) -> None:
    """What came is decoded; how much the header promised beyond it is known, where the header can be believed."""
    reader = AudioReader(Declared(), RATE)
    reader.feed(data)
    reader.finish()

    assert reader.missing == missing


@pytest.mark.parametrize("trailer", [b"LIST\x04\x00\x00\x00INFO", b"id3 \x02\x00\x00\x00ab", b"\x00"])
def test_metadata_behind_the_samples_is_no_sound(trailer: bytes) -> None:
    """A chunk after the samples, or a padding byte, is not heard."""
    data = wav(chirp()) + trailer

    assert len(read(data, piece=1000)) == len(PCM)
    assert len(read(data)) == len(PCM)


def test_chunks_before_the_samples_are_skipped() -> None:
    """Broadcast WAV carries a page of metadata, odd sizes included, before its samples."""
    plain = wav(chirp())
    data = plain[:12] + struct.pack("<4sI", b"bext", 603) + bytes(604) + plain[12:]

    assert np.array_equal(read(data, piece=100), read(plain))


def test_flac_comes_out_while_it_arrives() -> None:
    """FLAC is decoded a frame at a time: at most two frames of audio are held back."""
    data = sound_file(chirp(10), container="FLAC", subtype="PCM_16")
    reader, held_back, at, decoded = AudioReader(Declared(), RATE), 0.0, 0, 0
    while at < len(data):
        decoded += len(reader.feed(data[at : at + 500]))
        at += 500
        held_back = max(held_back, at / len(data) * 10 - decoded / RATE)

    assert held_back < 3 * 4096 / RATE


@pytest.mark.parametrize("rate", [8000, 44100])
def test_flac_of_other_encoders_is_read(rate: int) -> None:
    """Frames of varying size, as libavcodec's encoder may write them, are told apart as well."""
    out = io.BytesIO()
    with av.open(out, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((chirp(rate=rate)[None] * 32767).astype(np.int16), "s16", "mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)

    assert np.abs(read(out.getvalue(), rate=rate, piece=321) - chirp(rate=rate)).max() < 1e-4


def test_samples_that_look_like_a_frame_header_do_not_cut_a_frame() -> None:
    """Noise is stored as it is; the bytes of a real header inside, checksum and all, are still samples."""
    noise = np.random.default_rng(7).integers(-32768, 32767, 3 * 4096, dtype=np.int16)
    plain = sound_file(noise, container="FLAC", subtype="PCM_16")
    begin = plain.index(b"\xff\xf8", 42)
    header = plain[begin : begin + 6]
    noise[1000:1003] = np.frombuffer(header, ">i2")
    data = sound_file(noise, container="FLAC", subtype="PCM_16")
    assert data.count(header) == 2

    assert np.array_equal(read(data, piece=1000), noise.astype(np.float32) / 32768)


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_audio_that_breaks_off_is_recognised_as_far_as_it_goes(name: str) -> None:
    """A recording whose end was lost gives the samples that are there."""
    data, declared = CONTAINERS[name]

    heard = read(data[: len(data) * 2 // 3], declared)

    assert 0 < len(heard) < len(PCM)
    assert np.abs(heard - chirp()[: len(heard)]).max() < 1e-4


@pytest.mark.parametrize("length", [0, 1, 2, 3, 5])
def test_next_to_nothing_is_no_error(length: int) -> None:
    """Half a sample, or none, is silence."""
    assert len(read(bytes(length), Declared(Encoding.LINEAR_PCM, RATE))) == length // 2


REJECTED = {
    "stereo": (wav(chirp(), channels=2), Declared(), ChannelCount),
    "stereo-flac": (
        sound_file(np.stack([chirp()] * 2, 1), container="FLAC", subtype="PCM_16"),
        Declared(),
        ChannelCount,
    ),
    "stereo-opus": (sound_file(np.stack([chirp()] * 2, 1), container="OGG", subtype="OPUS"), Declared(), ChannelCount),
    "24-bit": (sound_file(chirp(), container="WAV", subtype="PCM_24"), Declared(), BitsPerSample),
    "24-bit-flac": (sound_file(chirp(), container="FLAC", subtype="PCM_24"), Declared(), BitsPerSample),
    "float": (sound_file(chirp(), container="WAV", subtype="FLOAT"), Declared(), BitsPerSample),
    "other-rate": (wav(chirp()), Declared(rate=8000), FormatMismatch),
    "other-encoding": (wav(chirp()), Declared(Encoding.FLAC), FormatMismatch),
    "flac-as-pcm": (CONTAINERS["flac"][0], Declared(Encoding.LINEAR_PCM, RATE), FormatMismatch),
    "adpcm": (sound_file(chirp(), container="WAV", subtype="IMA_ADPCM"), Declared(), InvalidFormat),
    "vorbis": (sound_file(chirp(), container="OGG", subtype="VORBIS"), Declared(), InvalidFormat),
    "aiff": (sound_file(chirp(), container="AIFF", subtype="PCM_16"), Declared(), InvalidFormat),
    "headerless": (PCM.tobytes(), Declared(rate=RATE), InvalidFormat),
    "raw-without-rate": (PCM.tobytes(), Declared(Encoding.LINEAR_PCM), InvalidFormat),
    "raw-as-flac": (PCM.tobytes(), Declared(Encoding.FLAC), InvalidFormat),
    "absurd-rate": (wav_header(rate=1, size=0) + PCM.tobytes(), Declared(), InvalidFormat),
    "header-cut-off": (wav(chirp())[:30], Declared(), InvalidFormat),
    "samples-before-format": (b"RIFF\0\0\0\0WAVEdata\x08\0\0\0abcdefgh", Declared(), InvalidFormat),
    "riff-but-not-wave": (b"RIFF\0\0\0\0AVI " + bytes(100), Declared(), InvalidFormat),
    "endless-header": (b"RIFF\0\0\0\0WAVEbext\xff\xff\xff\x7f" + bytes(100), Declared(), InvalidFormat),
    "flac-header-cut-off": (CONTAINERS["flac"][0][:20], Declared(), InvalidFormat),
    "flac-damaged": (CONTAINERS["flac"][0][:9000] + bytes(9000), Declared(), InvalidFormat),
    "ogg-header-cut-off": (sound_file(chirp(), container="OGG", subtype="OPUS")[:40], Declared(), InvalidFormat),
    "ogg-damaged": (
        sound_file(chirp(), container="OGG", subtype="OPUS")[:4000] + bytes(4000),
        Declared(),
        InvalidFormat,
    ),
}


@pytest.mark.parametrize("name", REJECTED)
@pytest.mark.parametrize("piece", [1 << 20, 50])
def test_unreadable_audio_is_refused_with_the_reason(name: str, piece: int) -> None:
    """Each defect has Riva's message, and a remedy that tells more."""
    data, declared, error = REJECTED[name]

    with pytest.raises(error) as raised:
        read(data, declared, piece=piece)

    assert raised.value.message.startswith("Error: ")
    assert raised.value.remedy


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([b"RIFF", b"fLaC", b"OggS", b"RF64"]), st.binary(max_size=300), st.integers(1, 50))
def test_garbage_never_crashes(magic: bytes, garbage: bytes, piece: int) -> None:
    """Bytes that only pretend to be audio end in Riva's errors, never in another exception."""
    try:
        read(magic + garbage, piece=piece)
    except (InvalidFormat, BitsPerSample, ChannelCount, FormatMismatch) as error:
        assert error.message  # noqa: PT017


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["wav", "wav-mulaw", "flac"]), st.integers(0, 20000), st.integers(0, 255))
def test_a_flipped_byte_never_crashes(name: str, at: int, value: int) -> None:
    """One wrong byte in a real file gives samples or one of Riva's errors."""
    data = bytearray(CONTAINERS[name][0])
    data[at % len(data)] = value
    try:
        heard = read(bytes(data), piece=4000)
    except (InvalidFormat, BitsPerSample, ChannelCount, FormatMismatch) as error:
        assert error.message  # noqa: PT017
    else:
        assert np.isfinite(heard).all()
