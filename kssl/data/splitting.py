"""The three splits of a dataset: their names, and how examples are divided among them."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from kssl.errors import UserError, nearest

SPLITS = ("train", "validation", "test")
SPLIT_WORDS = {  # what a file, folder or column may call them
    **dict.fromkeys(("train", "training", "trainset", "traindata", "trainval"), "train"),
    **dict.fromkeys(("validation", "valid", "validate", "val", "dev", "devel"), "validation"),
    **dict.fromkeys(("valset", "validset", "devset", "development"), "validation"),
    **dict.fromkeys(("eval", "evaluation", "evalset"), "validation"),
    **dict.fromkeys(
        ("test", "testing", "testset", "testdata", "testa", "testb", "holdout", "heldout"), "test"
    ),
    **dict.fromkeys(
        "trainingsdaten trainingsbilder trainingsset trainingssatz lerndaten apprentissage "
        "entrainement entraînement entrenamiento entreno treinamento treino addestramento "
        "trening treningowy uczenie обучение обучающая тренировка 训练 训练集 訓練 訓練集 学習 "
        "学習用 訓練データ 学習データ 훈련 학습".split(),
        "train",
    ),
    **dict.fromkeys(
        "validierung validierungsdaten validierungsbilder validación validacion validação "
        "validacao convalida validazione walidacja walidacyjny валидация проверка "
        "验证 验证集 驗證 驗證集 検証 検証用 検証データ 검증".split(),
        "validation",
    ),
    **dict.fromkeys(
        "testdaten testbilder testsatz prueba pruebas teste testes prova testowy testy тест "
        "тестовая 测试 测试集 測試 測試集 テスト テスト用 テストデータ 評価 테스트 시험".split(),
        "test",
    ),
}
_SPEAKS = re.compile("|".join({word[:3] for word in SPLIT_WORDS}), re.IGNORECASE)
_CAPITALS = r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"  # trainImages, KDDTrain
EVAL_WORDS = ("eval", "evaluation", "evalset")  # test, where there is another validation split
# Words beside it in the name of a folder that say nothing more.
_FILLERS = frozenset(
    "set sets data dataset split part full all image images img imgs picture pictures photo photos "
    "pic pics jpg jpeg png file files folder audio sound sounds wav wavs clip clips video videos "
    "film films frames text texts txt doc docs document documents labeled labelled v of".split()
)


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: `01_trainImages-v2` has train, images and v."""
    spaced = re.sub(_CAPITALS, " ", unicodedata.normalize("NFC", name))
    return [word.lower() for word in re.split(r"[\W\d_]+", spaced) if word]


@functools.lru_cache(maxsize=2**14)  # the folders of many files are few
def split_in_name(name: str) -> tuple[str, str] | None:
    """The split that a name speaks of, and what else it says.

    Returns:
        None if it names no split or several. What else it says is empty where that is no more
        than that there are, say, images.

    Example:
        >>> split_in_name("01_Train"), split_in_name("test_images"), split_in_name("seg_test")
        (('train', ''), ('test', ''), ('test', 'seg'))
        >>> split_in_name("valley"), split_in_name("train-test")
        (None, None)
    """
    if not _SPEAKS.search(unicodedata.normalize("NFC", name)):  # most names: in a hurry
        return None
    words = words_of(name)
    splits = {SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS}
    if len(splits) != 1:
        return None
    rest = [word for word in words if word not in SPLIT_WORDS and word not in _FILLERS]
    return splits.pop(), " ".join(rest)


def check_split(split: str) -> str:
    """Return `split`, or raise a UserError that names the three there are."""
    if split not in SPLITS:
        raise UserError(f"there is no split '{split}'{nearest(str(split), SPLITS)}")
    return split


def check_fractions(**fractions: float) -> None:
    """Raise a UserError unless each fraction is above 0 and they leave something to train on."""
    if not (all(fraction > 0 for fraction in fractions.values()) and sum(fractions.values()) < 1):
        given = " and ".join(f"{name}={fraction}" for name, fraction in fractions.items())
        raise UserError(f"{given}: fractions of the examples must be above 0, their sum below 1")


def check_two_fractions(name: str, fractions: Sequence[float]) -> tuple[float, float]:
    """Return the fractions for validation and for test, or raise a UserError."""
    if len(fractions) != 2:
        raise UserError(f"{name}: fractions {list(fractions)} is not [validation, test]")
    check_fractions(validation=fractions[0], test=fractions[1])
    return fractions[0], fractions[1]


def sizes(count: int, **fractions: float) -> dict[str, int]:
    """How many of `count` examples each split gets: at least one, the rest is `train`."""
    check_fractions(**fractions)
    if count <= len(fractions):
        raise UserError(
            f"{count} example{'s' * (count != 1)} cannot be split into train and "
            f"{' and '.join(fractions)}: at least {len(fractions) + 1} are needed"
        )
    held = {name: max(1, round(count * fraction)) for name, fraction in fractions.items()}
    while sum(held.values()) >= count:
        held[max(held, key=lambda name: held[name])] -= 1
    return {"train": count - sum(held.values()), **held}


def shuffled(count: int, labels: np.ndarray | None = None) -> np.ndarray:
    """0 … count - 1 in an order that is always the same, whatever was the order of the data.

    Args:
        count: How many.
        labels: Classes, `(count,)`: each run of the order then holds them in about the same
            proportions, so that pieces of it are stratified.
    """
    # RandomState's numbers are frozen by NumPy; those of newer generators may change.
    order = np.random.RandomState(0).permutation(count)
    if labels is None:
        return order
    place = np.empty(count)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(place[order], kind="stable")]


def piece(order: np.ndarray, parts: dict[str, int], split: str) -> np.ndarray:
    """The part of `order` that is `split`, sorted; `parts` are the sizes in order."""
    start = 0
    for name, size in parts.items():
        if name == split:
            return np.sort(order[start : start + size])
        start += size
    raise UserError(f"there is no split '{split}'{nearest(split, parts)}")


def grouped(groups: np.ndarray, fractions: tuple[float, float]) -> dict[str, np.ndarray]:
    """Split examples so that those of one group stay together.

    Groups are taken in an order that is random but always the same. Each goes to validation if
    there is room for it, else to test, else to train; a held-out split that got none gets the
    smallest group of train.

    Args:
        groups: The group of each example, `(examples,)`.
        fractions: Of the examples, for validation and for test.

    Returns:
        For each split, the numbers of its examples, sorted.

    Raises:
        UserError: There are fewer than three groups.

    Example:
        >>> rows = grouped(np.array(list("aabbbbcccc")), (0.2, 0.4))
        >>> {split: len(numbers) for split, numbers in rows.items()}
        {'train': 4, 'validation': 2, 'test': 4}
    """
    names, of_example, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(names) < 3:
        raise UserError(
            f"{len(names)} group{'s' * (len(names) != 1)} cannot be split into train, validation "
            "and test: at least 3 are needed"
        )
    room = {"validation": fractions[0] * len(groups), "test": fractions[1] * len(groups)}
    chosen: dict[str, list[int]] = {split: [] for split in SPLITS}
    for group in shuffled(len(names)):
        fits = (split for split, left in room.items() if counts[group] <= left)
        split = next(fits, "train")
        chosen[split].append(group)
        if split in room:
            room[split] -= counts[group]
    for split in room:
        if not chosen[split]:
            chosen[split] = [min(chosen["train"], key=lambda group: counts[group])]
            chosen["train"].remove(chosen[split][0])
    # At least one group is left to train: the fractions' sum is below 1, and there are three.
    return {split: np.flatnonzero(np.isin(of_example, chosen[split])) for split in SPLITS}
