"""The evaluations of a trained run, and what is written of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kssl.errors import RunError, UserError
from kssl.runs.directory import Run
from kssl.runs.load import Loaded, load
from kssl.runs.start import read_data_record
from kssl.system import devices
from kssl.system.progress import working

if TYPE_CHECKING:
    import keras

    from kssl.evaluation.base import Result
    from kssl.recipe import Recipe


def evaluate(
    run: Run, evaluations: list[str] | None = None, data: str | None = None
) -> list[Result]:
    """Evaluate a run, and write the results into its record and its report.

    Args:
        run: Finished or interrupted.
        evaluations: Names, or YAML such as `"{use: knn, k: 5}"`; None takes the recipe's. Results
            replace earlier ones of the same evaluation with the same settings on the same data;
            all others stay.
        data: Other data than the run's, such as a folder with labels: a path, the name of a data
            set, or `{use: …}`. Probes are fitted on its training split and measured on its test
            split.

    Raises:
        UserError: An evaluation is unknown, or does not apply to this run.
    """
    import kssl.recipe
    from kssl import report

    overrides = [f"evaluate=[{', '.join(evaluations)}]"] if evaluations else []
    chosen = kssl.recipe.load(run.path, overrides)
    devices.load_keras()
    chosen.check()
    loaded = load(run, same_data=True, data=data)
    results = evaluate_loaded(run, loaded, chosen, data)
    report.draw_results(run)
    report.write(run)
    return results


def evaluate_loaded(
    run: Run, loaded: Loaded, recipe: Recipe, data: str | None = None
) -> list[Result]:
    """Run the evaluations of a recipe on a loaded model; return the new results.

    They are written to `results.json`, each with what was `asked`: the evaluation with all its
    settings, and the data where it is not the run's own.
    """
    from kssl.data.locate import places
    from kssl.evaluation.base import Skipped

    _refuse_broken(loaded.model)
    if recipe.asked("evaluate"):
        _so_far(run)  # what is wrong with them is found before the work
    task = loaded.task()
    results: list[Result] = []
    new: list[dict[str, Any]] = []
    skipped: list[str] = []
    evaluations, all_asked = recipe.build("evaluate"), recipe.asked("evaluate")
    noted = read_data_record(run)["sources"]
    with places(noted), working("evaluating", len(evaluations)) as advance:
        for evaluation, asked in zip(evaluations, all_asked, strict=True):
            try:
                with working(f"evaluating: {asked['use']}"):
                    found = evaluation(task)
            except Skipped as reason:
                skipped.append(str(reason))
                continue
            finally:
                advance()
            if data is not None:
                asked |= {"data": data}
                found = [replace(each, settings=each.settings | {"data": data}) for each in found]
            results += found
            new += [result.to_dict() | {"asked": asked} for result in found]
    _write(run, new, skipped, loaded.data.record() if data is None else None)
    return results


def _write(
    run: Run, new: list[dict[str, Any]], skipped: list[str], data: dict[str, Any] | None
) -> None:
    """Put new results beside those that were asked for with other settings."""
    there = _so_far(run)
    asked = [result["asked"] for result in new]
    names = {result["name"] for result in new}
    kept = [
        result
        for result in there.get("results", [])
        # Of before results said what was asked, they are told apart by their names.
        if (result["asked"] not in asked if "asked" in result else result["name"] not in names)
    ]
    content = {**there, "results": [*kept, *new], "skipped": skipped}
    run.write_json("results.json", content if data is None else {**content, "data": data})


def _so_far(run: Run) -> dict[str, Any]:
    """Return what `results.json` holds; nothing where there is none."""
    if not run.file("results.json").is_file():
        return {}
    content = run.read_json("results.json")
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list) or not all(
        isinstance(each, dict) and "name" in each for each in results
    ):
        raise UserError(
            f"{run.file('results.json')} is damaged: delete it, and evaluate the run again"
        )
    return {**content}


def _refuse_broken(model: keras.Model) -> None:
    """Raise a RunError where a weight is not finite: any number that came out would be noise."""
    import keras
    import numpy as np

    for weight in model.weights:
        values = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(weight, "float32")))
        if not np.isfinite(values).all():
            raise RunError(
                f"the weights are not finite ({weight.path}): training has diverged, and there is "
                "nothing to evaluate; a lower learning rate is the usual cure"
            )
