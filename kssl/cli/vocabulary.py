"""`kssl vocabulary`: train the vocabulary of a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kssl.cli import screen
from kssl.cli.common import new_file, output_option, read_recipe, use_data_dir
from kssl.cli.completing import complete_recipes
from kssl.errors import UserError

if TYPE_CHECKING:
    from kssl.tokenizers.vocabulary import Vocabulary

KINDS = ("characters", "words", "wordpiece", "bpe", "sentencepiece")


@click.command("vocabulary")
@click.argument("source", shell_complete=complete_recipes)
@click.option(
    "--kind",
    metavar="KIND",
    type=click.Choice(KINDS),
    default="wordpiece",
    show_default=True,
    help=f"{', '.join(KINDS)}.",
)
@click.option(
    "--size", metavar="N", type=click.IntRange(1), help="Size of the vocabulary; else 8,000."
)
@click.option("--lowercase", is_flag=True, help="Make text lower-case first.")
@click.option(
    "--sentinels", metavar="N", type=click.IntRange(0), default=0, help="Ids for corrupt_spans."
)
@click.option("--no-special", is_flag=True, help="No [PAD] [UNK] [CLS] [SEP] [MASK].")
@click.option("--field", metavar="NAME", help="JSON field or column of the text.")
@output_option("The file to write; it must not exist.", default=Path("vocabulary.json"))
@click.option(
    "--data-dir",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder of prepared data sets.",
)
def command(source: str, field: str | None, output: Path, **options: Any) -> None:
    """Make a vocabulary of the training split of a corpus, for `tokenize` and `tokens`.

    SOURCE is a file, a folder or a pattern of text files, `python_topics`, or a recipe: then of
    its data, and a recipe whose data is `tokens` gives the vocabulary that it says itself.

    \b
    Example:
      kssl vocabulary news.jsonl.gz --kind bpe --size 8000 -o news.json
    """
    new_file(output)
    use_data_dir(options.pop("data_dir"))
    settings = {
        "kind": options["kind"],
        "size": options["size"],
        "lowercase": options["lowercase"],
        "sentinels": options["sentinels"],
        "special": not options["no_special"],
    }
    made = (
        _of_recipe(source, settings) if _is_recipe(source) else _of_files(source, field, settings)
    )
    made.save(output)
    screen.show(screen.pairs({"vocabulary": output, **_facts(made)}))


def _is_recipe(source: str) -> bool:
    from kssl.plugins import offered

    return source.endswith((".yaml", ".yml")) or source in offered("recipes")


def _of_files(source: str, field: str | None, settings: dict[str, Any]) -> Vocabulary:
    from kssl.system import devices

    devices.load_keras()  # without TensorFlow's greetings
    from kssl.data.text.corpus import corpus_of
    from kssl.tokenizers.train import train_vocabulary

    column = int(field) if field is not None and field.isdecimal() else field
    corpus = corpus_of({"path": source, "field": column})
    return train_vocabulary((each.text for each in corpus.documents("train")), **settings)


def _of_recipe(source: str, settings: dict[str, Any]) -> Vocabulary:
    from kssl.data.description import describe

    dataset = read_recipe(source, (), {}).dataset("train")
    own: Vocabulary | None = describe(dataset).vocabulary
    if own is not None:
        return own
    if "text" not in dataset.element_spec:
        raise UserError(f"{source}: its data has no 'text' that a vocabulary could be made of")
    from kssl.tokenizers.train import train_vocabulary

    texts = (example["text"].decode("utf-8", "replace") for example in dataset.as_numpy_iterator())
    return train_vocabulary(texts, **settings)


def _facts(made: Vocabulary) -> dict[str, Any]:
    tokens = sum(made.counts)
    unknown = made.counts[made.special["unknown"]] if "unknown" in made.special else 0
    return {
        "kind": made.kind,
        "ids": screen.number(made.size),
        "corpus": f"{tokens:,} tokens, {unknown / max(tokens, 1):.2%} of them [UNK]",
        "most frequent": " ".join(repr(each) for each in made.spell(_often(made))),
    }


def _often(made: Vocabulary) -> list[int]:
    order = sorted(range(made.size), key=lambda each: -made.counts[each])
    return [each for each in order if each not in set(made.special_ids.tolist())][:12]
