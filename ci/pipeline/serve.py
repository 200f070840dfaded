"""`nox -s serve -- NAME`: leaves the server of a checkpoint running and prints a client command that can be pasted."""

import shlex
import sys

from ci import environments
from ci.arguments import ArgumentParser
from ci.conformance.evaluation import Evaluation, read_evaluation
from ci.pipeline.checkpoint import Checkpoint, find_checkpoints
from ci.pipeline.display import Row, show_table
from ci.pipeline.run import listen, run_checkpoint
from ci.pipeline.runtimes import Runtimes, add_runtime_options, runtimes_chosen
from ci.pipeline.stages import BUILD, SERVICES
from ci.runtime import Address, Command
from pipelines.cli import run
from pipelines.errors import UsageError

__all__ = ["client_command", "main"]

# One line of the stock client each: nvidia-riva-client installs a library, its scripts stay in its repository.
_SPEECH = (
    "import sys, riva.client as r; "
    "a = r.ASRService(r.Auth(uri=sys.argv[1])); "
    "c = r.RecognitionConfig(language_code=sys.argv[2], max_alternatives=1, enable_automatic_punctuation=True); "
    "d = open(sys.argv[3], 'rb').read(); "
)
_PROGRAMS = {  # the first of the modes that are built is tried
    "offline": _SPEECH + "print(a.offline_recognize(d, c).results[0].alternatives[0].transcript)",
    "streaming": _SPEECH + "s = r.StreamingRecognitionConfig(config=c); "
    "print(*(x.results[0].alternatives[0].transcript for x in a.streaming_response_generator([d], s) if x.results))",
    "punctuation": "import sys, riva.client as r; "
    "print(r.NLPService(r.Auth(uri=sys.argv[1])).punctuate_text(sys.argv[3], language_code=sys.argv[2]).text[0])",
}


def main(argv: list[str] | None = None) -> int:
    """The command; serves until it is interrupted and returns the server's exit code."""
    return run(_main, argv)


def client_command(uri: str, checkpoint: Checkpoint, example: str) -> str:
    """A shell command that has a file transcribed, or a text punctuated, by the stock client."""
    python = environments.ready("runtime") / "bin" / "python"
    host, _, port = uri.rpartition(":")
    reachable = f"127.0.0.1:{port}" if host == "0.0.0.0" else uri  # noqa: S104 - compared, not bound
    program = next(program for mode, program in _PROGRAMS.items() if mode in checkpoint.builds)
    return shlex.join([str(python), "-c", program, reachable, checkpoint.language, example])


def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s serve --", description="Serves a checkpoint until Ctrl-C.")
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="folder of checkpoints/ (may be left out if it is alone)"
    )
    parser.add_argument(
        "--uri", default="127.0.0.1:50051", metavar="HOST:PORT", help="default: %(default)s; port 0: any"
    )
    add_runtime_options(parser)
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    try:
        address = Address.parse(options.uri)
    except ValueError as error:
        raise UsageError(f"--uri: {error}", fix="127.0.0.1:50051, for example") from error
    runtimes = runtimes_chosen(options)
    folders = find_checkpoints([options.name] if options.name else [])
    if len(folders) > 1:
        names = ", ".join(folder.name for folder in folders)
        raise UsageError(f"{len(folders)} checkpoints could be served: {names}", fix="name one: nox -s serve -- NAME")
    rows: list[Row] = []
    checkpoint = run_checkpoint(folders[0], until="deploy", on_row=rows.append, runtimes=runtimes)
    show_table(checkpoint.name, rows)
    return _serve(checkpoint, address, runtimes)


def _serve(checkpoint: Checkpoint, address: Address, runtimes: Runtimes) -> int:
    folder = BUILD / checkpoint.name
    command = Command(
        "start-riva",
        (("--riva-uri=", address), *SERVICES),
        folder / "logs" / "serve.log",
        own=(("--model-repository=", folder / "models"),),
        folder=folder,
    )
    with listen(command, lambda line: None, runtime=runtimes(checkpoint.riva)) as (server, listening):
        print(f"\n{checkpoint.name} listens on {listening}; its log is {command.log}. Ctrl-C stops it. Try:\n")
        print(f"  {client_command(listening, checkpoint, _example(checkpoint))}\n", flush=True)
        try:
            return server.wait()
        except KeyboardInterrupt:
            return server.stop()


def _example(checkpoint: Checkpoint) -> str:
    """Something of the evaluation set to send."""
    evaluation = read_evaluation(checkpoint.evaluation) if checkpoint.evaluation.is_dir() else Evaluation()
    if checkpoint.pipeline == "punctuation":
        return evaluation.passages[0].text if evaluation.passages else "where are you"
    return str(evaluation.utterances[0].path) if evaluation.utterances else "AUDIO.wav"


if __name__ == "__main__":
    sys.exit(main())
