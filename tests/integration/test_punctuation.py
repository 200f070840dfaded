"""Recognition and punctuation from one repository: real tools, real Triton, the stock client.

The networks are tiny and known (`tests/tones`, `tests/marks`), so every answer is foretold.
"""

import io
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import riva.client
import soundfile

from pipelines.cli import riva_deploy
from tests.counting.start_riva import StartRiva
from tests.marks import archive as marks
from tests.tones import archive as tones

pytestmark = pytest.mark.triton

LABELS = ["\u2581hello", "\u2581ask"]  # what the recogniser says of a high tone, and of a low one
AUDIO = ((0.3, 0), (0.4, 3000), (0.3, 0), (0.4, 300), (1.5, 0))
CLIENTS, CALLS = 8, 40
LONG, MARKED = "hello pause paris stop " * 4000, "Hello pause, Paris stop. " * 4000


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Streaming and offline recognition and punctuation of two languages, deployed by one command."""
    folder = tmp_path_factory.mktemp("repository")
    config = {**tones.MODEL_CONFIG, "decoder": {"vocabulary": LABELS}}
    speech = tones.write_riva(folder / "speech.riva", model_config=config)
    text = marks.write_riva(folder / "text.riva")
    rmirs = [
        tones.write_rmir(folder / "streaming.rmir", speech, name="streaming"),
        tones.write_rmir(folder / "offline.rmir", speech, name="offline", offline=True, chunk_size=30),
        marks.write_rmir(folder / "english.rmir", text),
        marks.write_rmir(folder / "german.rmir", text, language_code="de-DE"),
    ]
    assert riva_deploy.main([*map(str, rmirs), str(folder / "models")]) == 0
    return folder / "models"


@pytest.fixture(scope="module")
def auth(repository: Path) -> Iterator[riva.client.Auth]:
    server = StartRiva("--riva-uri=127.0.0.1:0", f"--model-repository={repository}")
    try:
        auth = riva.client.Auth(uri=server.address)
        yield auth
        auth.channel.close()
    finally:
        code = server.stop()
    assert code == 0, server.output  # Triton was alive to the end


@pytest.fixture(scope="module")
def nlp(auth: riva.client.Auth) -> riva.client.NLPService:
    return riva.client.NLPService(auth)


def wav() -> bytes:
    out = io.BytesIO()
    soundfile.write(out, tones.tones(*AUDIO), tones.RATE, format="WAV")
    return out.getvalue()


def config() -> riva.client.RecognitionConfig:
    return riva.client.RecognitionConfig(
        language_code="en-US", enable_automatic_punctuation=True, enable_word_time_offsets=True
    )


def test_texts_are_punctuated_in_their_order(nlp: riva.client.NLPService) -> None:
    """Empty ones, white space, unknown scripts and long ones among them."""
    texts = ["hello paris stop", "", "ask", " \t ", "日本 \u200b 🤣", "hello stop loud", LONG.strip()]

    assert list(nlp.punctuate_text(texts).text) == [
        "Hello Paris stop.",
        "",
        "ask?",
        "",
        "日本 \u200b 🤣",
        "Hello stop! loud",
        LONG.replace("hello", "Hello")
        .replace("pause", "pause,")
        .replace("paris", "Paris")
        .replace("p ", "p. ")
        .strip(),
    ]


def test_padding_changes_nothing(nlp: riva.client.NLPService) -> None:
    """A text is answered alone as it is beside longer ones: a loud neighbour in the batch is not heard."""
    quiet = ["stop", "hello stop", "stop " * 9, "stop " * 40]

    together = nlp.punctuate_text([*quiet, "stop loud", "stop " * 30 + "loud"]).text

    assert list(together[: len(quiet)]) == [nlp.punctuate_text(text).text[0] for text in quiet]
    assert list(together[len(quiet) :]) == ["stop! loud", "stop! " * 30 + "loud"]


def test_both_languages_answer(nlp: riva.client.NLPService) -> None:
    """Two pipelines of one checkpoint stand side by side; a name or a language chooses."""
    assert nlp.punctuate_text("ask", language_code="de-DE").text[0] == "ask?"
    assert nlp.transform_text("ask", "riva-punctuation-de-DE").text[0] == "ask?"


def test_many_clients_at_once_get_their_own_answers(nlp: riva.client.NLPService) -> None:
    """Hundreds of calls, answered in batches that Triton gathers; none is lost, none is mixed up."""

    def call(client: int) -> list[bool]:
        words = ["stop", "pause", "ask"]
        texts = [" ".join(words[(client + call) % 3 :][:1] * (1 + client)) for call in range(CALLS)]
        expected = [" ".join(f"{word}{marks.MARKS[word]}" for word in text.split()) for text in texts]
        return [nlp.punctuate_text(text).text[0] == want for text, want in zip(texts, expected, strict=True)]

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [right for each in clients.map(call, range(CLIENTS)) for right in each]

    assert len(answers) == CLIENTS * CALLS
    assert all(answers)


def test_a_megabyte_delays_nobody(nlp: riva.client.NLPService) -> None:
    """Long texts are answered whole, and short ones meanwhile."""
    text = LONG * 11
    assert len(text) > 10**6
    long_calls = [nlp.punctuate_text(text, future=True) for _ in range(2)]
    answered = 0
    while not any(call.done() for call in long_calls):
        begin = time.monotonic()
        assert nlp.punctuate_text("ask").text[0] == "ask?"
        assert time.monotonic() - begin < 2
        answered += 1
    answers = [call.result().text[0] for call in long_calls]

    assert answered > 5
    assert answers == [(MARKED * 11).strip()] * 2


def test_a_recording_comes_back_with_marks(auth: riva.client.Auth) -> None:
    """The transcript and its words carry marks and capitals; the words keep their times."""
    (result,) = riva.client.ASRService(auth).offline_recognize(wav(), config()).results

    best = result.alternatives[0]
    assert best.transcript == "Hello ask? "
    assert [word.word for word in best.words] == ["Hello", "ask?"]
    assert [round(word.start_time / 100) for word in best.words] == [3, 10]


def test_a_stream_comes_back_with_marks(auth: riva.client.Auth) -> None:
    """Final results have them, results that may still change do not."""
    data = wav()
    chunks = [data[at : at + 5120] for at in range(0, len(data), 5120)]
    streaming = riva.client.StreamingRecognitionConfig(config=config(), interim_results=True)
    responses = riva.client.ASRService(auth).streaming_response_generator(chunks, streaming)

    results = [result for response in responses for result in response.results]
    finals = [result.alternatives[0] for result in results if result.is_final]
    assert "".join(final.transcript for final in finals) == "Hello ask? "
    assert [word.word for final in finals for word in final.words] == ["Hello", "ask?"]
    assert {result.alternatives[0].transcript for result in results if not result.is_final} <= {"hello", "hello ask"}


def test_without_a_language_there_are_no_marks(auth: riva.client.Auth) -> None:
    """A recogniser that is asked by name, in a language that no punctuator has, answers plainly."""
    wanted = config()
    wanted.language_code, wanted.model = "fr-FR", "offline"

    (result,) = riva.client.ASRService(auth).offline_recognize(wav(), wanted).results

    assert result.alternatives[0].transcript == "hello ask "
