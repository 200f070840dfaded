"""Which variables reach a process that loads a checkpoint."""

from pathlib import Path

from pipelines.export.sandbox.environment import environment_of


def test_only_what_is_known_to_be_harmless_passes(tmp_path: Path) -> None:
    """Tokens, keys, agents and proxies stay behind, those of tomorrow too; language, libraries and devices pass."""
    kept = {"PATH": "/bin", "LANG": "C.UTF-8", "LD_LIBRARY_PATH": "/cuda", "CUDA_VISIBLE_DEVICES": "0"}
    secret = {
        "GITHUB_TOKEN": "t",
        "NGC_API_KEY": "k",
        "RIVA_KEY_FILE": "f",
        "SSH_AUTH_SOCK": "s",
        "https_proxy": "http://user:password@proxy",
        "AWS_SECRET_ACCESS_KEY": "k",
        "SOMETHING_NEW": "x",
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
    }

    found = environment_of(tmp_path, ours={**kept, **secret})

    assert kept.items() <= found.items()
    assert found.keys().isdisjoint(secret)


def test_home_and_temporary_folder_are_in_the_work_folder(tmp_path: Path) -> None:
    """Nothing reads the user's configuration, or leaves a cache or a temporary file behind."""
    found = environment_of(tmp_path, ours={"HOME": "/home/somebody", "TMPDIR": "/var/tmp", "PYTHONPATH": "/more"})

    assert [Path(found[name]).parent for name in ("HOME", "TMPDIR")] == [tmp_path, tmp_path]
    assert all(Path(found[name]).is_dir() for name in ("HOME", "TMPDIR"))
    assert found["PYTHONPATH"].endswith(":/more")
