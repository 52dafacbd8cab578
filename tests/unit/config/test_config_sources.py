"""Files and directories, and what stands in them twice or in the wrong place."""

from pathlib import Path

import pytest
from config_folder import BASE, Folder

from autopyfactory.api import ConfigError
from autopyfactory.config import load

QUEUE = '[queues.{}]\nextends = "base"\n'


def problems(*paths: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load([Path(path) for path in paths], {})
    return [str(problem) for problem in caught.value.problems]


def test_a_directory_and_files_make_one_configuration(folder: Folder) -> None:
    folder.write("apf.d/10-base.toml", BASE)
    folder.write("apf.d/20-q.toml", QUEUE.format("A"))
    folder.write("apf.d/notes.txt", "not read")
    folder.write("more.toml", QUEUE.format("B"))
    config = load([Path("apf.d"), Path("more.toml"), Path("apf.d/20-q.toml")], {})
    assert list(config.queues) == ["A", "B"]
    assert config.files == tuple(
        folder.path / name for name in ("apf.d/10-base.toml", "apf.d/20-q.toml", "more.toml")
    )


@pytest.mark.parametrize(("first", "base"), [("apf.d", "apf.d"), ("apf.d/a.toml", "apf.d"), ("b.toml", ".")])
def test_relative_paths_start_at_the_first_path(folder: Folder, first: str, base: str) -> None:
    folder.write("apf.d/a.toml", BASE)
    folder.write("b.toml", QUEUE.format("B"))
    config = load([Path(first), Path("apf.d/a.toml")], {})
    root = (folder.path / base).resolve()
    assert config.factory.log_dir.resolve() == root / "logs"
    assert config.factory.state_dir.resolve() == root / "state"
    assert config.batch["b"].settings.model_dump()["scratch"].resolve() == root / "scratch"


@pytest.mark.parametrize(
    ("url", "anchored"),
    [
        ("sqlite:///apf.db", "sqlite:///{base}/apf.db"),
        ("sqlite:///state/apf.db?timeout=3", "sqlite:///{base}/state/apf.db?timeout=3"),
        ("sqlite:////var/lib/apf.db", "sqlite:////var/lib/apf.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql://apf@db.example.org/apf", "postgresql://apf@db.example.org/apf"),
    ],
)
def test_the_file_of_the_store_too(folder: Folder, url: str, anchored: str) -> None:
    config = folder.load("", base=BASE.replace('id = "test"', f'id = "test"\nstore = "{url}"'))
    assert config.factory.store.get_secret_value() == anchored.format(base=folder.path)


def test_what_is_defined_twice_is_told_and_checked_all_the_same(folder: Folder) -> None:
    folder.write("a.toml", BASE + QUEUE.format("Q"))
    folder.write("b.toml", BASE.replace('id = "test"', "id = 3") + QUEUE.format("Q") + "interval_s = 0\n")
    assert problems("a.toml", "b.toml") == [
        "b.toml [factory]: already defined in a.toml; keep one of them",
        "b.toml [wms.w]: already defined in a.toml; rename or remove one of them",
        "b.toml [batch.b]: already defined in a.toml; rename or remove one of them",
        "b.toml [profiles.base]: already defined in a.toml; rename or remove one of them",
        "b.toml [queues.Q]: already defined in a.toml; rename or remove one of them",
        "b.toml [factory.id]: expected a string, got 3",
        "b.toml [queues.Q.interval_s]: expected more than 0, got 0",
    ]


def test_a_file_that_cannot_be_read_hides_nothing(folder: Folder) -> None:
    """What may be in it is not called missing, or only with that hint."""
    folder.write("a.toml", '[queues.Q]\nextends = "base"\nwms = "w"\ninterval_s = "fast"\n')
    folder.write("b.toml", "[factory]\nid = \n")
    (folder.path / "c.toml").write_bytes(b'x = "\xff"')
    folder.write("empty/readme", "")
    assert problems("a.toml", "b.toml", "c.toml", "d.toml", "empty") == [
        "empty: there is no *.toml file in this directory",
        'a.toml [queues.Q.extends]: no profile is called "base"; it may be in what could not be read',
        'a.toml [queues.Q.interval_s]: expected a number, got "fast"',
        "a.toml [queues.Q.wms]: there is no [wms.w]; it may be in what could not be read",
        "b.toml: not TOML: Invalid value (at line 2, column 6)",
        "c.toml: not text in UTF-8: byte 5 is 0xff",
        "d.toml: cannot read the file: No such file or directory",
    ]


def test_a_table_twice_in_one_file_is_told_with_its_line(folder: Folder) -> None:
    folder.write("a.toml", "[queues.Q]\n[queues.Q]\n")
    assert problems("a.toml") == [
        "a.toml: not TOML: Cannot declare ('queues', 'Q') twice (at line 2, column 10)"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[queue.Q]", '[queue]: unknown section; did you mean "queues"?'),
        (
            "[zebra]",
            (
                "[zebra]: unknown section; "
                "known here: batch, factory, monitor, notices, notify, profiles, queues, web, wms"
            ),
        ),
        (
            "[DEFAULT]",
            "[DEFAULT]: unknown section; put what queues share into a [profiles.NAME], and extend that",
        ),
        ("[[queues]]", "[queues]: expected a table, got a list"),
        ("[queues]\nenabled = true", "[queues.enabled]: expected a table, got true"),
        (
            '[queues."a b"]\nextends = "base"',
            '[queues."a b"]: expected a name that matches [A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}, got "a b"',
        ),
        (
            '[wms."../x"]\nplugin = "remote"',
            '[wms."../x"]: expected a name that matches [A-Za-z0-9][A-Za-z0-9._-]{0,63}, got "../x"',
        ),
        ("[profiles.p]\ninterval_s = inf", "[profiles.p.interval_s]: expected a finite number, got inf"),
        (
            '[profiles.p]\nwms_queue = "a\\u0000"',
            "[profiles.p.wms_queue]: expected text without NUL characters",
        ),
    ],
)
def test_sections_and_values_in_the_wrong_place(folder: Folder, text: str, expected: str) -> None:
    assert folder.problem(text) == expected


def test_a_queue_may_be_called_like_a_compute_element(folder: Folder) -> None:
    name = "BNL_PROD-gridgk07.example.org:2119/jobmanager-condor"
    assert list(folder.load(f'[queues."{name}"]\nextends = "base"').queues) == [name]


def test_a_byte_order_mark_is_no_error(folder: Folder) -> None:
    assert folder.load("", base="\ufeff" + BASE).factory.id == "test"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            'apf.toml [factory]: the section is missing; add [factory] with id = "NAME", its name',
        ),
        (
            "[factory]",
            "apf.toml [factory.id]: is missing; Name of this factory; every pilot is tagged with it",
        ),
        (
            '[factory]\nid = "a b"',
            'apf.toml [factory.id]: expected text that matches ^[A-Za-z0-9][A-Za-z0-9._-]*$, got "a b"',
        ),
    ],
)
def test_a_factory_needs_a_name(folder: Folder, text: str, expected: str) -> None:
    folder.write("apf.toml", text)
    assert problems("apf.toml") == [expected]


def test_no_path_at_all_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one path"):
        load([], {})
