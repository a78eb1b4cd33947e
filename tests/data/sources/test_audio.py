"""Recordings: folders of sound files, and many in one NumPy file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from kssl.data import SPLITS, audio
from kssl.data.files import sound
from kssl.data.files.decode import Broken
from kssl.errors import UserError

module = import_module("kssl.data.sources.audio")


def fill(folder: Path, names: Iterable[str], samples: int = 1000, rate: int = 8000) -> None:
    for number, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        wavfile.write(file, rate, np.full(samples, 100 * (number + 1), np.int16))


def examples(dataset: object) -> list[dict[str, np.ndarray]]:
    return list(dataset.as_numpy_iterator())  # type: ignore[attr-defined]


def test_short_ones_are_padded(tmp_path: Path) -> None:
    fill(tmp_path, [f"{n}.wav" for n in range(8)])
    parts = {split: examples(audio(split, str(tmp_path), 1600)) for split in SPLITS}
    assert sum(map(len, parts.values())) == 8 and all(parts.values())
    one = parts["train"][0]
    assert one["audio"].shape == (1600,) and one["audio"].dtype == np.float32
    assert one["padding_mask"].sum() == 1000 and not one["audio"][1000:].any()
    levels = {round(float(each["audio"][0]) * 32768) for part in parts.values() for each in part}
    assert levels == {100 * n for n in range(1, 9)}


@pytest.mark.parametrize(
    ("samples", "kept"), [(100, [100]), (149, [100]), (150, [100, 50]), (349, [100] * 3)]
)
def test_long_ones_are_cut(samples: int, kept: list[int]) -> None:
    sound = np.linspace(-1, 1, samples).astype(np.float32)
    block = module.pieces(sound, 100)
    assert block["padding_mask"].sum(axis=1).tolist() == kept
    used = block["audio"][block["padding_mask"]]
    np.testing.assert_array_equal(used, sound[: sum(kept)])


@pytest.mark.parametrize(
    ("kind", "written", "read"),
    [
        ("uint8", [0, 128, 192], [-1.0, 0.0, 0.5]),
        ("int16", [-32768, 0, 16384], [-1.0, 0.0, 0.5]),
        ("int32", [-(2**31), 0, 2**30], [-1.0, 0.0, 0.5]),
        ("float32", [-1.0, 0.25, 0.5], [-1.0, 0.25, 0.5]),
    ],
)
def test_every_kind_of_wav(tmp_path: Path, kind: str, written: list, read: list) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, np.array(written, kind))
    samples, rate = sound.decode(tmp_path / "a.wav")
    assert rate == 8000
    np.testing.assert_array_equal(samples, np.array(read, np.float32))


@pytest.mark.parametrize(
    ("kind", "peak", "full"),
    [
        ("float32", 1.0, 1),
        ("float64", 3.9, 1),
        ("float32", 5.0, 2**15),
        ("float32", 32767.0, 2**15),
        ("float64", 2.0**23, 2**23),
        ("float32", 2.0**31, 2**31),
        ("int8", 64, 2**7),
        ("int16", 3, 2**15),
        ("uint16", 49152, 2**15),
        ("int32", 3, 2**31),
    ],
)
def test_the_full_scale_of_each_type(kind: str, peak: float, full: int) -> None:
    samples = np.array([0, peak], kind)
    assert sound.full_scale(samples) == full
    middle = full if kind[0] == "u" else 0
    assert sound.to_float(samples)[1] == np.float32((peak - middle) / full)


def test_floats_at_the_scale_of_whole_numbers_are_divided(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wave = np.sin(np.arange(400) / 9)
    for number in range(3):
        wavfile.write(tmp_path / f"{number}.wav", 8000, (wave * 16384).astype(np.float32))
    (one,) = examples(audio("test", str(tmp_path), 400))
    np.testing.assert_allclose(one["audio"], wave / 2, atol=1e-3)
    assert "floats far beyond -1 to 1 are divided by 32768" in caplog.text
    caplog.clear()
    for number in range(3):
        wavfile.write(tmp_path / f"{number}.wav", 8000, (wave * 1.5).astype(np.float32))
    audio("test", str(tmp_path), 400)
    assert "1 recordings go beyond -1 to 1, up to 1.5; cut off there" in caplog.text
    caplog.clear()
    for number in range(3):
        wavfile.write(tmp_path / f"{number}.wav", 8000, (wave * 16384).astype(np.int32))
    audio("test", str(tmp_path), 400)
    assert "nearly silent: the loudest sample is 7.6e-06" in caplog.text


@pytest.mark.parametrize("kind", ["int32", "int64", "float32", "float64"])
def test_arrays_of_any_type_may_hold_16_bits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    path = archive(tmp_path / "a.npz", audio=np.full(3500, 16384, kind))
    one = examples(audio("test", path, 130))[0]
    assert one["audio"][0] == 0.5
    assert f"audio is {kind} with values up to 16384, which are divided by 32768, the full" in (
        caplog.text
    )


@pytest.mark.parametrize("kind", ["uint32", "uint64"])
def test_unsigned_numbers_of_16_bits_in_a_larger_type(tmp_path: Path, kind: str) -> None:
    path = archive(tmp_path / "a.npz", audio=np.tile(np.array([0, 49152], kind), 1750))
    one = examples(audio("test", path, 130))[0]
    assert one["audio"][:2].tolist() == [-1.0, 0.5]


@pytest.mark.parametrize("kind", ["float32", "int16", "int32"])
def test_samples_around_another_middle_than_0_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    bytes_of_sound = 128 + 60 * np.sin(np.arange(3500) / 9)
    audio("test", archive(tmp_path / "a.npz", audio=bytes_of_sound.astype(kind)), 130)
    assert "the samples lie far from 0, as those of unsigned numbers" in caplog.text
    caplog.clear()
    for number in range(3):
        wavfile.write(tmp_path / f"{number}.wav", 8000, bytes_of_sound.astype(kind))
    audio("test", str(tmp_path), 130)
    assert "the samples lie far from 0, as those of unsigned numbers" in caplog.text


def test_8_bits_in_16_and_24_in_32_are_nearly_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wave = np.sin(np.arange(3500) / 9)
    for kind, peak in (("int16", 127), ("int32", 2**23 - 1)):
        for number in range(3):
            wavfile.write(tmp_path / f"{number}.wav", 8000, (wave * peak).astype(kind))
        audio("test", str(tmp_path), 130)
        assert caplog.text.count("nearly silent: the loudest sample is 0.003") == 1
        caplog.clear()
    audio("test", archive(tmp_path / "a.npz", audio=(wave * 127).astype("int16")), 130)
    assert "nearly silent: the loudest sample is 0.0038" in caplog.text


WAVE = 0.5 * np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000)


@pytest.mark.parametrize("ending", ["au", "caf", "opus", "oga", "w64", "aifc"])
def test_what_soundfile_opens_is_read(tmp_path: Path, ending: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    kinds = {"opus": ("OGG", "OPUS"), "oga": ("OGG", "VORBIS"), "aifc": ("AIFF", "PCM_16")}
    kind, codec = kinds.get(ending, (ending.upper(), "PCM_16"))
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.{ending}", WAVE, 8000, codec, format=kind)
    (one,) = examples(audio("test", str(tmp_path), 8000))
    assert np.corrcoef(one["audio"], WAVE)[0, 1] > 0.98


@pytest.mark.parametrize("codec", ["ULAW", "ALAW", "MS_ADPCM", "FLAC"])
def test_wav_files_that_scipy_does_not_know(tmp_path: Path, codec: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    settings = {"format": "FLAC"} if codec == "FLAC" else {"format": "WAV", "subtype": codec}
    soundfile.write(tmp_path / "a.wav", WAVE, 8000, **settings)
    samples, rate = sound.decode(tmp_path / "a.wav")
    assert rate == 8000 and np.abs(samples[:8000] - WAVE).max() < 0.05


@pytest.mark.parametrize("ending", ["m4a", "aac", "mka"])
def test_what_pyav_opens_is_read(tmp_path: Path, ending: str) -> None:
    av = pytest.importorskip("av")
    container = {"aac": "adts", "m4a": "ipod", "mka": "matroska"}[ending]
    for number in range(3):
        with av.open(str(tmp_path / f"{number}.{ending}"), "w", format=container) as written:
            stream = written.add_stream("aac", rate=16000, layout="mono")
            frame = av.AudioFrame.from_ndarray(
                np.tile(WAVE, 2)[None].astype("float32"), "fltp", "mono"
            )
            frame.rate = 16000
            fifo = av.AudioFifo()
            fifo.write(frame)
            for part in [
                *fifo.read_many(stream.codec_context.frame_size or 1024),
                fifo.read(),
                None,
            ]:
                written.mux(stream.encode(part))
    (one,) = examples(audio("test", str(tmp_path), 16000))
    spectrum = np.abs(np.fft.rfft(one["audio"]))
    assert np.abs(spectrum.argmax() - 880) < 5 and np.abs(one["audio"]).max() > 0.4
    assert sound.rate_of(tmp_path / f"0.{ending}") == 16000


def test_a_file_that_ends_early_is_broken_in_every_thread(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, np.zeros(4000, np.int16))
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[:5000])

    def says(_: int) -> str:
        with pytest.raises(Broken) as raised:
            sound.decode(tmp_path / "a.wav")
        return str(raised.value)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(says, range(200))) == {"it ends early"}


def test_a_file_from_a_pipe_has_no_size(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, np.full(40, 2**14, np.int16))
    whole = bytearray((tmp_path / "a.wav").read_bytes())
    place = whole.index(b"data") + 4
    sizes = (b"\xff" * 4, b"\0" * 4, (0x7FFFF000).to_bytes(4, "little"))
    for of_file, of_data in ((4, None), *((4, place) for _ in sizes), (None, place)):
        changed = bytearray(whole)
        for size in sizes:
            for start in (of_file, of_data):
                if start is not None:
                    changed[start : start + 4] = size
            if of_file is None:  # a header that was written before the sound, and left so
                changed[4:8] = (place - 4).to_bytes(4, "little")
            (tmp_path / "a.wav").write_bytes(changed + b"\0" * (of_data is not None))
            assert sound.decode(tmp_path / "a.wav")[0].tolist() == [0.5] * 40


def test_channels_become_their_mean(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "a.wav", 8000, np.array([[0.5, 0.0], [-0.5, 0.0]], np.float32))
    assert sound.decode(tmp_path / "a.wav")[0].tolist() == [0.25, -0.25]


def test_flac(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    sound = np.array([0.0, 0.5, -0.25, -1.0], np.float32)
    for number in range(3):
        soundfile.write(tmp_path / f"{number}.flac", sound, 8000)
    (one,) = examples(audio("test", str(tmp_path), 4))
    np.testing.assert_array_equal(one["audio"], sound)


def test_without_soundfile_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        (tmp_path / f"{number}.flac").touch()
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(UserError, match=r"pip install 'kssl\[audio\]'"):
        audio("train", str(tmp_path), 4)


def test_resampling_keeps_the_pitch(tmp_path: Path) -> None:
    second = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    for number in range(3):
        wavfile.write(tmp_path / f"{number}.wav", 8000, (second * 9000).astype(np.int16))
    (one,) = examples(audio("train", str(tmp_path), 16_000, sample_rate=16_000))
    assert one["padding_mask"].all()
    assert np.abs(np.fft.rfft(one["audio"])).argmax() == 440


def test_several_rates_are_an_error_unless_one_is_given(tmp_path: Path) -> None:
    fill(tmp_path, [f"a{n}.wav" for n in range(9)])
    fill(tmp_path, [f"b{n}.wav" for n in range(9)], rate=16_000)
    with pytest.raises(UserError, match="several sample rates, 8,000, 16,000 samples per second"):
        audio("train", str(tmp_path), 500)
    assert len(examples(audio("train", str(tmp_path), 500, sample_rate=8000))) > 9


def test_rates_are_compared_between_splits(tmp_path: Path) -> None:
    fill(tmp_path, [f"train/{n}.wav" for n in range(3)] + ["val/a.wav"])
    fill(tmp_path, ["test/b.wav"], rate=44_100)
    for split in SPLITS:
        with pytest.raises(UserError, match="several sample rates, 8,000, 44,100 samples"):
            audio(split, str(tmp_path), 500)
    assert len(examples(audio("test", str(tmp_path), 100, sample_rate=8000))) == 2


def test_an_archive_says_its_rate(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", sample_rate=None)
    with pytest.raises(UserError, match="no 'sample_rate', so that nothing can be resampled"):
        audio("train", path, 130, sample_rate=4000)
    with pytest.raises(UserError, match="sample_rate must be one number"):
        audio("train", archive(tmp_path / "b.npz", sample_rate=[8000, 16000]), 130)


def test_labels_and_groups_are_sub_folders(tmp_path: Path) -> None:
    fill(tmp_path, [f"speaker{s}/{n}.wav" for s in range(6) for n in range(5)])
    labels = {
        split: {
            int(each["label"])
            for each in examples(audio(split, str(tmp_path), 900, None, "folder"))
        }
        for split in SPLITS
    }
    assert [len(labels[split]) for split in SPLITS] == [4, 1, 1]
    assert set.union(*labels.values()) == set(range(6))
    with pytest.raises(UserError, match="can only be 'folder', not 'speaker'"):
        audio("train", str(tmp_path), 900, group="speaker")


def test_what_is_broken_is_named_counted_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, [f"train/{n}.wav" for n in range(20)])
    fill(tmp_path, ["val/a.wav", "test/b.wav"])
    whole = (tmp_path / "train" / "3.wav").read_bytes()
    (tmp_path / "train" / "3.wav").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "train" / "4.wav").write_bytes(b"")
    wavfile.write(tmp_path / "train" / "5.wav", 8000, np.zeros(0, np.int16))
    wavfile.write(tmp_path / "train" / "6.wav", 8000, np.array([0, np.nan], np.float32))
    with caplog.at_level(logging.WARNING, "kssl"):
        left = examples(audio("train", str(tmp_path), 1000, broken_fraction=0.2))
    assert len(left) == 16
    told = [record.getMessage() for record in caplog.records]
    (message,) = [each for each in told if "cannot be used" in each]
    assert "4 of 20 recordings of split 'train' cannot be used" in message
    for told in (
        "3.wav (it ends early)",
        "4.wav (it is empty)",
        "5.wav (it has no samples)",
        "not finite",
    ):
        assert told in message
    with pytest.raises(UserError, match="More than broken_fraction=0.05"):
        audio("train", str(tmp_path), 1000)


def archive(path: Path, **changes: object) -> str:
    lengths = np.arange(100, 130)
    arrays = {
        "audio": np.arange(lengths.sum(), dtype=np.int16),
        "offsets": np.concatenate([[0], np.cumsum(lengths)]),
        "sample_rate": 8000,
        "labels": np.arange(30, dtype=np.uint8) % 3,
        "speaker": np.arange(30) // 5,
    }
    np.savez(path, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
    return str(path)


def test_many_in_one_file(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz")
    found = {}
    for split in SPLITS:
        for each in examples(audio(split, path, 130, group="speaker")):
            start = round(float(each["audio"][0]) * 32768)
            found[start] = (split, int(each["label"]), int(each["padding_mask"].sum()))
    starts = np.concatenate([[0], np.cumsum(np.arange(100, 130))[:-1]])
    assert sorted(found) == starts.tolist()
    for row, start in enumerate(starts):
        assert found[start][1:] == (row % 3, 100 + row)
    speakers = {
        split: {row // 5 for row, s in enumerate(starts) if found[s][0] == split}
        for split in SPLITS
    }
    assert [len(speakers[split]) for split in SPLITS] == [4, 1, 1]


@pytest.mark.parametrize(
    ("changes", "group", "message"),
    [
        ({"offsets": None}, None, "no array 'offsets'"),
        ({"offsets": np.array([0, 10**9])}, None, r"recording i must be audio\[offsets"),
        ({"audio": np.array(["a"])}, None, "recording i must be"),
        ({"labels": np.arange(4)}, None, "'labels' must have one value for each of the 30"),
        ({}, "who", "no array 'who'"),
    ],
)
def test_a_wrong_file_is_a_clear_error(
    tmp_path: Path, changes: dict, group: str | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        audio("train", archive(tmp_path / "a.npz", **changes), 130, group=group)


def test_what_is_no_data_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "torn.npz").write_bytes(b"PK but no more")
    with pytest.raises(UserError, match=r"no recordings, that is files ending in \.wav.*1 \.txt"):
        audio("train", str(tmp_path), 10)
    with pytest.raises(UserError, match="neither a folder nor a .npz file"):
        audio("train", str(tmp_path / "notes.txt"), 10)
    with pytest.raises(UserError, match="cannot be read"):
        audio("train", str(tmp_path / "torn.npz"), 10)
    with pytest.raises(UserError, match="must be 1 or more"):
        audio("train", str(tmp_path), 0)


def test_spoken_digits(shared_data: Path) -> None:
    path = str(shared_data / "audio" / "fsdd.npz")
    dataset = audio("test", path, 8000, group="speaker")
    batch = next(iter(dataset.batch(512)))
    assert len(batch["audio"]) == 500 and set(batch["label"].numpy()) == set(range(10))
    seconds = batch["padding_mask"].numpy().sum(axis=1) / 8000
    assert 0.2 < seconds.mean() < 0.8
    assert np.abs(batch["audio"].numpy()).max() <= 1.0
