"""The evaluations of a trained run, and what is written of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kssl.errors import RunError, UserError
from kssl.runs.directory import Run
from kssl.runs.load import Loaded, load
from kssl.system import devices

if TYPE_CHECKING:
    import keras

    from kssl.evaluation.base import Result


def evaluate(run: Run, evaluations: list[str] | None = None) -> list[Result]:
    """Evaluate a run, and write the results into its record and its report.

    Args:
        run: Finished or interrupted.
        evaluations: Names, or YAML such as `"{use: knn, k: 5}"`; None takes the recipe's. Results
            of an evaluation replace its earlier ones; those of others stay.

    Raises:
        UserError: An evaluation is unknown, or does not apply to this run.
    """
    import kssl.recipe
    from kssl import report

    overrides = [f"evaluate=[{', '.join(evaluations)}]"] if evaluations else []
    chosen = kssl.recipe.load(run.path, overrides)
    devices.load_keras()
    chosen.check()
    loaded = load(run, same_data=True)
    results = evaluate_loaded(run, loaded, chosen.build("evaluate"))
    report.draw_results(run)
    report.write(run)
    return results


def evaluate_loaded(run: Run, loaded: Loaded, evaluations: list[Any]) -> list[Result]:
    """Run evaluations on a loaded model; write `results.json`; return the new results."""
    from kssl.evaluation.base import Skipped, Task

    _refuse_broken(loaded.model)
    if evaluations:
        _results_so_far(run)  # what is wrong with them is found before the work
    settings = loaded.recipe.settings
    task = Task(
        loaded.model,
        loaded.untrained(),
        loaded.train,
        loaded.test,
        settings.seed,
        settings.fit,
        lambda: loaded.recipe.build("optimizer"),
    )
    results: list[Result] = []
    skipped: list[str] = []
    for evaluation in evaluations:
        try:
            results += evaluation(task)
        except Skipped as reason:
            skipped.append(str(reason))
    new = [result.to_dict() for result in results]
    names = {result["name"] for result in new}
    kept = [result for result in _results_so_far(run) if result["name"] not in names]
    content = {"results": [*kept, *new], "skipped": skipped, "data": loaded.data.record()}
    run.write_json("results.json", content)
    return results


def _results_so_far(run: Run) -> list[dict[str, Any]]:
    if not run.file("results.json").is_file():
        return []
    content = run.read_json("results.json")
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list) or not all(
        isinstance(each, dict) and "name" in each for each in results
    ):
        raise UserError(
            f"{run.file('results.json')} is damaged: delete it, and evaluate the run again"
        )
    return results


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
