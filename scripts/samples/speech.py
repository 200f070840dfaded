"""Speech from espeak-ng, with the time of every word.

The library is called in process: it is some ten times faster than one program run a sentence, and only the library
tells where each word starts, which training on windows of a longer recording needs.
"""

import ctypes
import ctypes.util
import random
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

SAMPLE_RATE = 16000
Samples = npt.NDArray[np.float32]

#: Mostly American, for that is the language of the sample; "en" is British.
ACCENTS = ("en-us", "en-us", "en-us", "en-us-nyc", "en")

#: Variants heard in training. Whispers, robots and others that people hardly understand are in neither set.
TRAINING_VARIANTS = (
    *("m1", "m2", "m3", "m4", "m5", "m7", "m8", "f1", "f2", "f3", "f5", "klatt", "klatt3", "klatt4", "klatt6"),
    *("Alex", "Andy", "Annie", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Lee", "Marco", "Mario"),
    *("Michael", "Mike", "Nguyen", "Storm", "adam", "anika", "antonio", "aunty", "belinda", "caleb", "david", "ed"),
    *("gustave", "iven", "iven3", "marcelo", "max", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob"),
    *("robert", "sandro", "shelby", "steph", "steph3", "travis", "victor", "zac"),
)
#: Variants of the evaluation set: never heard in training.
EVALUATION_VARIANTS = (
    *("f4", "m6", "klatt2", "Andrea", "Denis", "boris", "benjamin", "edward2", "john", "linda", "michel", "grandma"),
)

_SYNCHRONOUS = 2
_RATE, _PITCH, _RANGE = 1, 3, 4
_POSITION_CHARACTER, _UTF8 = 1, 1
_EVENT_END_OF_LIST, _EVENT_WORD = 0, 1


class EspeakMissing(RuntimeError):
    """espeak-ng is not installed, or lacks a voice."""


@dataclass(frozen=True)
class Voice:
    """One espeak-ng voice: accent, variant, words a minute, pitch and pitch range (0-99), and a change of vocal tract.

    ``tract`` other than 1 plays the speech that much faster, formants and pitch with it: a voice espeak-ng has not.
    """

    accent: str
    variant: str
    rate: int
    pitch: int
    pitch_range: int
    tract: float = 1.0

    @property
    def name(self) -> str:
        """The name that ``espeak-ng -v`` takes."""
        return f"{self.accent}+{self.variant}"

    @classmethod
    def draw(cls, rng: random.Random, variants: tuple[str, ...]) -> "Voice":
        """A random American voice with one of ``variants``, as espeak-ng has it."""
        return cls(ACCENTS[0], rng.choice(variants), rng.randint(130, 190), rng.randint(35, 65), rng.randint(30, 65))

    @classmethod
    def draw_changed(cls, rng: random.Random, variants: tuple[str, ...]) -> "Voice":
        """A random voice, wider in pitch and pace than ``draw`` and mostly with another vocal tract."""
        return cls(
            rng.choice(ACCENTS),
            rng.choice(variants),
            rng.randint(125, 195),
            rng.randint(25, 75),
            rng.randint(20, 75),
            rng.uniform(0.88, 1.14) if rng.random() < 0.7 else 1.0,
        )


@dataclass(frozen=True)
class Utterance:
    """Spoken text: samples in [-1, 1] and, for each word, the sample at which it starts."""

    text: str
    voice: str
    samples: Samples
    starts: tuple[int, ...]


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def library_name() -> str:
    """The file name of the espeak-ng library; raises ``EspeakMissing`` before any long work has begun."""
    name = ctypes.util.find_library("espeak-ng")
    if name is None:
        raise EspeakMissing("espeak-ng is not installed: run `apt-get install espeak-ng`")
    return name


class Espeak:
    """espeak-ng in this process; one instance a process, for the library keeps its state in globals."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(library_name())
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, 0))
        if self._rate <= 0:
            raise EspeakMissing("espeak-ng finds no voice data: run `apt-get install espeak-ng-data`")
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._words: list[tuple[int, int]] = []
        self._callback = _CALLBACK(self._receive)  # kept: the library holds only a bare pointer
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]") -> int:
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            if events[index].type == _EVENT_WORD:
                self._words.append((events[index].text_position - 1, events[index].audio_position))
            index += 1
        if wave and count > 0:
            self._blocks.append(np.ctypeslib.as_array(wave, shape=(count,)).copy())
        return 0

    def speak(self, text: str, voice: Voice) -> Utterance:
        """Say ``text`` with ``voice`` at 16 kHz."""
        if self._library.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise EspeakMissing(f"espeak-ng has no voice {voice.name}: version 1.51 or newer has it")
        for parameter, value in ((_RATE, voice.rate), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._blocks.clear()
        self._words.clear()
        data = text.encode()
        status = self._library.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
        if status != 0 or not self._blocks:
            raise RuntimeError(f"espeak-ng made no sound of {text!r} with {voice.name} (status {status})")
        samples = np.concatenate(self._blocks).astype(np.float32) / 32768
        resampled = soxr.resample(samples, self._rate * voice.tract, SAMPLE_RATE, quality="HQ")
        return Utterance(text, voice.name, resampled, self._starts(text, voice.tract))

    def _starts(self, text: str, tract: float) -> tuple[int, ...]:
        """Start sample of each word; -1 where espeak-ng joined a word to the one before ("in the")."""
        times = dict(self._words)
        starts, position = [], 0
        for word in text.split(" "):
            starts.append(int(times[position] * SAMPLE_RATE / 1000 / tract) if position in times else -1)
            position += len(word) + 1
        return tuple(starts)
